import type { Endpoint } from "./endpoints";
import { type EndpointFigures, useFiguresOf } from "./stats";

/** How an endpoint does, in the server's word. */
export type Health = EndpointFigures["health"];

/**
 * What the server says of an endpoint, if it has said anything. That it is disabled is in the
 * endpoint itself, which is read again at once when somebody changes it; figures are older.
 */
export function healthOf(
  endpoint: Pick<Endpoint, "disabled">,
  figures?: Pick<EndpointFigures, "health">,
): Health | undefined {
  if (endpoint.disabled) return "disabled";
  return figures?.health === "disabled" ? undefined : figures?.health;
}

/** How one endpoint does. */
export function useHealth(app: string, endpoint: Endpoint): Health | undefined {
  return healthOf(endpoint, useFiguresOf(app, endpoint.id).data ?? undefined);
}
