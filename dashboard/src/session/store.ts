import { useSyncExternalStore } from "react";

/** Who looks: an operator sees the organisation, a customer one application. */
export interface Session {
  token: string;
  orgId: string;
  /** The one application that the token opens. */
  appId: string | null;
  readOnly: boolean;
  capabilities: string[];
  /** When the token ends, if it was told. */
  expiresAt: string | null;
}

/** Which of the two faces of the dashboard this page is. */
export type Side = "console" | "portal";

type State =
  | { is: "starting" }
  | { is: "out"; because: "never" | "ended" | "badLink" | "loggedOut" }
  | { is: "in"; session: Session };

export const side: Side =
  typeof location !== "undefined" && location.pathname.startsWith("/portal") ? "portal" : "console";
const KEY = `postrider.${side}`;

let state: State = { is: "starting" };
const listeners = new Set<() => void>();

function set(next: State) {
  state = next;
  for (const listener of listeners) listener();
}

// Session storage: gone with the tab, and never sent anywhere. A frame on a foreign page may be
// refused it; then the token lives in memory only.
function remember(session: Session | null) {
  try {
    if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
    else sessionStorage.removeItem(KEY);
  } catch {
    // In memory, then.
  }
}

/** What an earlier load of this tab left. */
export function remembered(): Session | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Session | null;
  } catch {
    return null;
  }
}

/** The token to ask with. */
export function bearer(): string | null {
  return state.is === "in" ? state.session.token : null;
}

/** The organisation of the session. */
export function currentOrg(): string | null {
  return state.is === "in" ? state.session.orgId : null;
}

export function enter(session: Session) {
  remember(session);
  set({ is: "in", session });
}

export function stayOut(because: Extract<State, { is: "out" }>["because"]) {
  remember(null);
  set({ is: "out", because });
}

/** The server does not know the token any more: expired, revoked or logged out. */
export function sessionEnded() {
  if (state.is === "in") stayOut("ended");
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSessionState(): State {
  return useSyncExternalStore(subscribe, () => state);
}

/** The session of a screen, which is shown to nobody without one. */
export function useSession(): Session {
  const now = useSessionState();
  if (now.is !== "in") throw new Error("no session");
  return now.session;
}

export interface Rights {
  /** Makes, changes and deletes endpoints. */
  manage: boolean;
  seeSecret: boolean;
  rotateSecret: boolean;
  /** Sends again, replays, recovers, sends examples. */
  send: boolean;
}

/** What the session may do; the API decides by the same rules. */
export function rightsOf(session: Session): Rights {
  const has = (name: string) => session.capabilities.includes(name);
  const manage = !session.readOnly && has("ManageEndpoint");
  const rotateSecret = !session.readOnly && (manage || has("ManageEndpointSecret"));
  return {
    manage,
    rotateSecret,
    seeSecret: rotateSecret || has("ViewEndpointSecret"),
    send: !session.readOnly && has("CreateAttempts"),
  };
}

export function useRights(): Rights {
  return rightsOf(useSession());
}
