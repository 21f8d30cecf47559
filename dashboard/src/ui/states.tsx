import { CircleAlert, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { texts } from "@/texts";
import { Button } from "./button";
import { cx } from "./cx";

interface EmptyProps {
  icon?: ReactNode;
  title: string;
  /** It is the whole screen, and its title that of the screen. */
  alone?: boolean;
  children?: ReactNode;
  action?: ReactNode;
}

/** Nothing here, why, and what to do about it. */
export function Empty({ icon, title, alone, children, action }: EmptyProps) {
  const Title = alone ? "h1" : "p";
  return (
    <div className="flex flex-col items-center gap-2 px-6 py-12 text-center">
      {icon && (
        <div className="mb-1 rounded-full bg-sunken p-3 text-faint [&_svg]:size-5">{icon}</div>
      )}
      <Title className="font-medium">{title}</Title>
      {children && <div className="max-w-md text-sm text-muted">{children}</div>}
      {action && <div className="mt-2 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}

interface FailedProps {
  error: unknown;
  retry?: () => void;
}

/** What could not be loaded, in words. */
export function Failed({ error, retry }: FailedProps) {
  const problem = error instanceof Error ? error : new Error(String(error));
  return (
    <div role="alert" className="flex flex-col items-center gap-2 px-6 py-10 text-center">
      <CircleAlert className="size-5 text-bad" aria-hidden />
      <p className="font-medium">{texts.common.couldNotLoad}</p>
      <p className="max-w-md text-sm text-muted [overflow-wrap:anywhere]">{problem.message}</p>
      {retry && (
        <Button small onClick={retry} className="mt-1">
          {texts.common.tryAgain}
        </Button>
      )}
    </div>
  );
}

/** The place of something that is on its way. */
export function Skeleton({ className }: { className?: string }) {
  return <div aria-hidden className={cx("skeleton rounded-sm", className ?? "h-4 w-full")} />;
}

/** Some lines on their way. */
export function Loading({ lines = 5, label }: { lines?: number; label?: string }) {
  return (
    <div role="status" className="flex flex-col gap-3 p-4">
      <span className="sr-only">{label ?? texts.common.loading}</span>
      {Array.from({ length: lines }, (_, line) => (
        <Skeleton key={line} className={line % 3 === 2 ? "h-4 w-2/3" : "h-4 w-full"} />
      ))}
    </div>
  );
}

const NOTES = {
  info: { icon: Info, look: "border-line bg-sunken text-text" },
  warn: { icon: TriangleAlert, look: "border-transparent bg-warn-soft text-warn" },
  bad: { icon: CircleAlert, look: "border-transparent bg-bad-soft text-bad" },
};

interface NoteProps {
  tone?: keyof typeof NOTES;
  children: ReactNode;
  actions?: ReactNode;
}

export function Note({ tone = "info", children, actions }: NoteProps) {
  const { icon: Icon, look } = NOTES[tone];
  return (
    <div
      className={cx(
        "flex flex-wrap items-start gap-x-3 gap-y-2 rounded-lg border px-3.5 py-2.5 text-sm",
        look,
      )}
    >
      <Icon className="mt-0.5 size-4 shrink-0" aria-hidden />
      <div className="min-w-0 flex-1 basis-52">{children}</div>
      {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
    </div>
  );
}
