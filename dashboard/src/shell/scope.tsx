import { createContext, type ReactNode, useContext } from "react";

/** The application that screens are about, and under which path they lie. */
export interface Scope {
  app: string;
  base: string;
}

const Context = createContext<Scope | null>(null);

export function ScopeOf({ scope, children }: { scope: Scope; children: ReactNode }) {
  return <Context value={scope}>{children}</Context>;
}

export function useScope(): Scope {
  const scope = useContext(Context);
  if (!scope) throw new Error("no application here");
  return scope;
}
