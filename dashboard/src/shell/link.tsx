import { Link as RouterLink, useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { currentOrg, side } from "@/session/store";

/**
 * What stays in every address of the portal: whose it is. By it the server decides which pages
 * may frame it, and where a logo may come from, also after a reload.
 */
export function kept(): Record<string, string> {
  const org = side === "portal" ? currentOrg() : null;
  return org ? { org } : {};
}

interface LinkProps {
  to: string;
  search?: Record<string, string>;
  className?: string;
  /** Marked as the current place, also when deeper inside. */
  activeClassName?: string;
  onClick?: () => void;
  children: ReactNode;
}

/** A link inside the dashboard. */
export function Link({ to, search, className, activeClassName, onClick, children }: LinkProps) {
  return (
    <RouterLink
      to={to}
      search={{ ...kept(), ...search }}
      className={className}
      onClick={onClick}
      activeProps={activeClassName ? { className: activeClassName } : undefined}
      activeOptions={{ includeSearch: false }}
      preload="intent"
    >
      {children}
    </RouterLink>
  );
}

/** Goes somewhere else inside the dashboard. */
export function useGo() {
  const navigate = useNavigate();
  return (to: string, search: Record<string, string> = {}, replace = false) =>
    void navigate({ to, search: { ...kept(), ...search }, replace });
}

/** What stands behind `?` in the address, and a way to change it. */
export function useAddress(): [
  Record<string, string>,
  (change: Record<string, string | undefined>) => void,
] {
  const { org: _, ...search } = useSearch({ strict: false }) as Record<string, string>;
  const navigate = useNavigate();
  const change = (changes: Record<string, string | undefined>) => {
    const next = Object.fromEntries(
      Object.entries({ ...search, ...changes }).filter(([, value]) => value),
    ) as Record<string, string>;
    void navigate({ to: ".", search: { ...kept(), ...next }, replace: true });
  };
  return [search, change];
}
