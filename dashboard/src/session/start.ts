import { api, askAs, ok } from "@/api/client";
import { ApiProblem } from "@/api/problem";
import { bearer, enter, remembered, type Session, sessionEnded, side, stayOut } from "./store";

/** Signs in with an API key or a token; throws an `ApiProblem` if it opens nothing. */
export async function signIn(token: string, expiresAt: string | null = null): Promise<void> {
  const who = await ok(
    api.GET("/api/v1/auth/whoami", { headers: { authorization: `Bearer ${token}` } }),
  );
  const session: Session = {
    token,
    orgId: who.envId,
    appId: who.appId ?? null,
    readOnly: who.readOnly,
    capabilities: who.capabilities,
    expiresAt,
  };
  enter(session);
}

/** Takes the code out of the address before anything can keep it. */
function takeCode(): string | null {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code !== null) history.replaceState(null, "", location.pathname + location.search);
  return code;
}

async function exchange(code: string): Promise<void> {
  const body = { code };
  const answer =
    side === "portal"
      ? await ok(api.POST("/api/v1/auth/portal-exchange", { body }))
      : await ok(api.POST("/api/v1/auth/console-exchange", { body }));
  await signIn(answer.token, answer.expiresAt);
}

/** Finds out who looks: by a link's code, or as the tab remembers. */
export async function start(): Promise<void> {
  askAs({ bearer, refused: sessionEnded });
  const code = takeCode();
  if (code !== null) {
    await exchange(code).catch(() => stayOut("badLink"));
    return;
  }
  const before = remembered();
  if (!before) return stayOut("never");
  try {
    await signIn(before.token, before.expiresAt);
  } catch (error) {
    // A server that is away for a moment ends no session.
    if (error instanceof ApiProblem && error.status === 401) stayOut("ended");
    else enter(before);
  }
}

/** Ends the session, at the server too where the token can be ended. */
export async function signOut(): Promise<void> {
  // An API key answers with an error: it is revoked, not logged out.
  await ok(api.POST("/api/v1/auth/logout")).catch(() => undefined);
  stayOut("loggedOut");
}
