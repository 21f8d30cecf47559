import { useLiveState } from "@/api/live";
import { texts } from "@/texts";
import { Dot } from "@/ui/badge";

/** Whether what is on the screen follows what happens. */
export function LiveMark() {
  const state = useLiveState();
  if (state === "off") return null;
  const open = state === "open";
  return (
    <span role="status" className="flex items-center gap-1.5 px-1.5 text-xs text-muted">
      <Dot tone={open ? "ok" : "warn"} />
      {open ? texts.nav.live : texts.nav.reconnecting}
    </span>
  );
}
