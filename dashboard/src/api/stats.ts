import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, ok, type QueryOf, type Schemas } from "./client";
import { keys } from "./keys";

export type Bucket = NonNullable<QueryOf<"/api/v1/stats/timeseries">["bucket"]>;
export type TimeSeries = Schemas["TimeseriesOut"];
export type EndpointFigures = Schemas["EndpointSeriesOut"];

/** A window of time that ends now, and how finely it is cut. */
export interface Range {
  seconds: number;
  bucket: Bucket;
}

const MINUTE = 60;

/** The window's beginning, on a whole minute so that the same question is asked twice alike. */
function since(range: Range): string {
  const now = Math.floor(Date.now() / 1000 / MINUTE) * MINUTE;
  return new Date((now - range.seconds) * 1000).toISOString();
}

/** Figures age quietly where no event tells of attempts. */
const REFRESH_MS = 30_000;

export function useTimeSeries(range: Range, of: { app?: string; endpoint?: string } = {}) {
  return useQuery({
    queryKey: [...keys.stats, "series", range, of],
    queryFn: () =>
      ok(
        api.GET("/api/v1/stats/timeseries", {
          params: { query: { since: since(range), bucket: range.bucket, ...of } },
        }),
      ),
    refetchInterval: REFRESH_MS,
  });
}

export const DAY: Range = { seconds: 86_400, bucket: "hour" };

const FIGURES_PAGE = 250;

/** The last day of an application's youngest endpoints, at least so many, by endpoint. */
export function useEndpointFigures(app: string, wanted = FIGURES_PAGE) {
  const pages = Math.max(1, Math.ceil(wanted / FIGURES_PAGE));
  return useQuery({
    queryKey: [...keys.endpointStats(app), pages],
    queryFn: async () => {
      const found = new Map<string, EndpointFigures>();
      let iterator: string | undefined;
      const window = { since: since(DAY), bucket: DAY.bucket };
      for (let page = 0; page < pages; page += 1) {
        const answer = await ok(
          api.GET("/api/v1/stats/endpoints", {
            params: { query: { app, ...window, limit: FIGURES_PAGE, iterator } },
          }),
        );
        for (const figures of answer.data) found.set(figures.id, figures);
        if (answer.done || !answer.iterator) break;
        iterator = answer.iterator;
      }
      return found;
    },
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
}

/** The last day of one endpoint. */
export function useFiguresOf(app: string, endpoint: string) {
  return useQuery({
    queryKey: [...keys.endpointStats(app), "of", endpoint],
    queryFn: async () => {
      const window = { since: since(DAY), bucket: DAY.bucket };
      const answer = await ok(
        api.GET("/api/v1/stats/endpoints", {
          params: { query: { app, endpoint, ...window, limit: 1 } },
        }),
      );
      return answer.data[0] ?? null;
    },
    refetchInterval: REFRESH_MS,
  });
}

export function useOverview() {
  return useQuery({
    queryKey: [...keys.stats, "overview"],
    queryFn: () => ok(api.GET("/api/v1/stats/overview")),
    refetchInterval: 10_000,
  });
}
