import { ChevronRight } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { cx } from "./cx";

interface PageProps {
  title: ReactNode;
  /** Beside the title: a state, for example. */
  badge?: ReactNode;
  subtitle?: ReactNode;
  actions?: ReactNode;
  /** Above the title: the way back. */
  crumb?: ReactNode;
  children: ReactNode;
}

/** One screen: its title, what can be done, and the rest. */
export function Page({ title, badge, subtitle, actions, crumb, children }: PageProps) {
  return (
    <div className="mx-auto flex w-full max-w-6xl flex-col gap-5 px-4 py-5 sm:px-6 lg:py-7">
      <header className="flex flex-col gap-1">
        {crumb && <div className="text-xs text-muted">{crumb}</div>}
        <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
          <div className="flex min-w-0 flex-1 basis-40 flex-wrap items-center gap-2.5">
            <h1 className="min-w-0 text-xl font-semibold tracking-tight [overflow-wrap:anywhere]">
              {title}
            </h1>
            {badge}
          </div>
          {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
        </div>
        {subtitle && <div className="max-w-prose text-sm text-muted">{subtitle}</div>}
      </header>
      {children}
    </div>
  );
}

interface CardProps {
  title?: ReactNode;
  hint?: ReactNode;
  actions?: ReactNode;
  /** Without padding inside: for tables and lists. */
  flush?: boolean;
  className?: string;
  children: ReactNode;
}

export function Card({ title, hint, actions, flush, className, children }: CardProps) {
  return (
    <section className={cx("min-w-0 rounded-lg border border-line bg-surface", className)}>
      {(title || actions) && (
        <div className="flex min-h-11 flex-wrap items-center justify-between gap-2 border-b border-line px-4 py-2">
          <div className="min-w-0">
            {title && <h2 className="text-sm font-semibold">{title}</h2>}
            {hint && <p className="text-xs text-muted">{hint}</p>}
          </div>
          {actions && <div className="flex flex-wrap items-center gap-1.5">{actions}</div>}
        </div>
      )}
      <div className={flush ? "" : "p-4"}>{children}</div>
    </section>
  );
}

export interface Fact {
  label: string;
  value: ReactNode;
}

/** Names and values, as a description list. */
export function Facts({ facts, columns = false }: { facts: Fact[]; columns?: boolean }) {
  return (
    <dl
      className={cx(
        "grid gap-x-6 gap-y-3 text-sm",
        columns && "grid-cols-[repeat(auto-fill,minmax(min(100%,13.5rem),1fr))]",
      )}
    >
      {facts.map((fact) => (
        <div key={fact.label} className="min-w-0">
          <dt className="text-xs text-muted">{fact.label}</dt>
          <dd className="[overflow-wrap:anywhere]">{fact.value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface StatProps {
  label: string;
  value: ReactNode;
  note?: ReactNode;
}

/** One figure that matters. */
export function Stat({ label, value, note }: StatProps) {
  return (
    <div className="min-w-0 rounded-lg border border-line bg-surface px-4 py-3">
      <div className="truncate text-xs text-muted">{label}</div>
      <div className="tabular text-xl font-semibold tracking-tight">{value}</div>
      {note && <div className="truncate text-xs text-muted">{note}</div>}
    </div>
  );
}

interface FoldProps {
  title: string;
  /** What is chosen inside, seen while it is closed too. */
  aside?: ReactNode;
  /** Whether there is something inside that should be seen. */
  open?: boolean;
  children: ReactNode;
}

/** What most people leave as it is: a card that opens. */
export function Fold({ title, aside, open = false, children }: FoldProps) {
  const [isOpen, setIsOpen] = useState(open);
  // Opened for something inside, it is not closed again under the reader's hands.
  useEffect(() => {
    if (open) setIsOpen(true);
  }, [open]);
  return (
    <details
      open={isOpen}
      onToggle={(event) => setIsOpen(event.currentTarget.open)}
      className="group rounded-lg border border-line bg-surface"
    >
      <summary className="flex h-11 items-center gap-3 rounded-lg px-4 text-sm font-semibold">
        <ChevronRight
          className="size-4 shrink-0 text-faint transition-transform group-open:rotate-90"
          aria-hidden
        />
        <span>{title}</span>
        {aside && <span className="ml-auto truncate text-xs font-normal text-muted">{aside}</span>}
      </summary>
      <div className="flex flex-col gap-5 border-t border-line p-4">{children}</div>
    </details>
  );
}
