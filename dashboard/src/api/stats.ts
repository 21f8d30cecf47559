import { useQuery } from "@tanstack/react-query";
import { api, ok, type Schemas } from "./client";
import { keys } from "./keys";

export type Bucket = "minute" | "hour" | "day";
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

/** The last day of every endpoint of an application, by endpoint. */
export function useEndpointFigures(app: string) {
  return useQuery({
    queryKey: keys.endpointStats(app),
    queryFn: async () => {
      const answer = await ok(
        api.GET("/api/v1/stats/endpoints", {
          params: { query: { app, since: since(DAY), bucket: DAY.bucket, limit: 250 } },
        }),
      );
      return new Map(answer.data.map((figures) => [figures.id, figures]));
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
