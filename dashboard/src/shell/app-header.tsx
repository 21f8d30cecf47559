import type { ReactNode } from "react";
import { texts } from "@/texts";
import { Link } from "./link";

interface AppHeaderProps {
  /** Where its screens are. */
  base: string;
  /** What the screens are, for screen readers. */
  label: string;
  /** Whose they are. */
  title: ReactNode;
  actions: ReactNode;
}

/** The head of one application's screens, in the console and in the portal. */
export function AppHeader({ base, label, title, actions }: AppHeaderProps) {
  return (
    <header className="border-b border-line bg-surface">
      <div className="mx-auto flex w-full max-w-6xl flex-col px-4 sm:px-6">
        <div className="flex min-h-12 items-center justify-between gap-3">
          <div className="flex min-w-0 items-center gap-2 text-sm">{title}</div>
          <div className="flex shrink-0 items-center gap-1">{actions}</div>
        </div>
        <nav aria-label={label} className="flex gap-5 overflow-x-auto">
          {[
            { to: `${base}/endpoints`, label: texts.nav.endpoints },
            { to: `${base}/messages`, label: texts.nav.messages },
            { to: `${base}/event-types`, label: texts.nav.catalogue },
          ].map((tab) => (
            <Link
              key={tab.to}
              to={tab.to}
              className="-mb-px flex h-10 items-center border-b-2 border-transparent text-sm font-medium whitespace-nowrap text-muted hover:text-text"
              activeClassName="border-accent! text-text!"
            >
              {tab.label}
            </Link>
          ))}
        </nav>
      </div>
    </header>
  );
}
