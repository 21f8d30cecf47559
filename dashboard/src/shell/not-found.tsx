import { Compass } from "lucide-react";
import { side } from "@/session/store";
import { texts } from "@/texts";
import { Button, buttonClass } from "@/ui/button";
import { Empty } from "@/ui/states";

export function NotFound() {
  return (
    <Empty
      alone
      icon={<Compass aria-hidden />}
      title={texts.common.notFound}
      action={
        <a href={side === "portal" ? "/portal" : "/"} className={buttonClass()}>
          {texts.common.start}
        </a>
      }
    >
      {texts.common.notFoundHint}
    </Empty>
  );
}

/** Instead of a screen that threw: the rest of the page stays usable. */
export function Broken() {
  return (
    <Empty
      alone
      title={texts.common.crash}
      action={<Button onClick={() => location.reload()}>{texts.common.reload}</Button>}
    >
      {texts.common.crashHint}
    </Empty>
  );
}
