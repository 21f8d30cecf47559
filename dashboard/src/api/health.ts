import type { Endpoint } from "./endpoints";
import { DAY, type EndpointFigures, useEndpointFigures, useTimeSeries } from "./stats";

/** How an endpoint does. */
export type Health = "disabled" | "failing" | "healthy" | "idle";

/** What the judgement looks at of the last day, and since when every attempt has failed. */
type Figures = Pick<EndpointFigures, "series" | "failingSince">;

/**
 * How an endpoint does: by what the server says of it, else by the last part of the day with
 * attempts. No screen judges by itself.
 */
export function healthOf(endpoint: Pick<Endpoint, "disabled">, figures?: Figures): Health {
  if (endpoint.disabled) return "disabled";
  if (figures?.failingSince) return "failing";
  const last = figures?.series.findLast((part) => part.succeeded + part.failed > 0);
  if (!last) return "idle";
  return last.succeeded === 0 ? "failing" : "healthy";
}

/** How one endpoint does, also where it is not among the youngest, whose figures come in one page. */
export function useHealth(app: string, endpoint: Endpoint): Health {
  const figures = useEndpointFigures(app);
  const day = useTimeSeries(DAY, { app, endpoint: endpoint.id });
  return healthOf(
    endpoint,
    figures.data?.get(endpoint.id) ?? { failingSince: null, series: day.data?.data ?? [] },
  );
}
