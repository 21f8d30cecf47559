import createClient from "openapi-fetch";
import { noAnswer, problemOf } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** What may be asked for behind `?` of a GET of this path: the words of its filters, for example. */
export type QueryOf<Path extends keyof paths> = paths[Path] extends {
  get: { parameters: { query?: infer Query } };
}
  ? NonNullable<Query>
  : never;

/** Who asks. The session says so: it cannot be imported here, since it signs in by this client. */
export interface Caller {
  /** The token to ask with. */
  bearer: () => string | null;
  /** The server does not know that token any more. */
  refused: () => void;
}

let caller: Caller = { bearer: () => null, refused: () => undefined };

export function askAs(next: Caller) {
  caller = next;
}

/** The public API, typed by `openapi.json`. The dashboard has no other way to the server. */
export const api = createClient<paths>({
  // Read at each call, lest a test or a frame replaces it later.
  fetch: (request) => globalThis.fetch(request),
});

api.use({
  onRequest({ request }) {
    const token = caller.bearer();
    if (token && !request.headers.has("authorization")) {
      request.headers.set("authorization", `Bearer ${token}`);
    }
    return request;
  },
  onResponse({ request, response }) {
    // Not for a key that is only being tried.
    const shown = request.headers.get("authorization");
    if (response.status === 401 && shown === `Bearer ${caller.bearer()}`) caller.refused();
    return response;
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's body; an `ApiProblem` if there is none. */
export async function ok<T>(call: Promise<Answer<T>>): Promise<T> {
  const answer = await call.catch((cause) => {
    throw noAnswer(cause);
  });
  if (!answer.response.ok) throw problemOf(answer.response.status, answer.error);
  return answer.data as T;
}

/** A request outside the typed client: for answers that must be read as text, or as they come. */
export async function raw(path: string, init: RequestInit = {}): Promise<Response> {
  const token = caller.bearer();
  const headers = new Headers(init.headers);
  if (token) headers.set("authorization", `Bearer ${token}`);
  const response = await fetch(path, { ...init, headers }).catch((cause) => {
    if (init.signal?.aborted) throw cause;
    throw noAnswer(cause);
  });
  if (response.status === 401) caller.refused();
  if (!response.ok) {
    throw problemOf(response.status, await response.json().catch(() => undefined));
  }
  return response;
}
