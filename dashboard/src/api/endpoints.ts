import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ok, type QueryOf, type Schemas } from "./client";
import { keys } from "./keys";
import { useList } from "./lists";

export type Endpoint = Schemas["EndpointOut"];
export type EndpointIn = Schemas["EndpointIn"];
export type EndpointPatch = Schemas["EndpointPatch"];

const PAGE = 50;

export function useEndpoints(app: string) {
  return useList<Endpoint>(keys.endpoints(app), (iterator) =>
    api.GET("/api/v1/app/{app_id}/endpoint", {
      params: { path: { app_id: app }, query: { limit: PAGE, iterator } },
    }),
  );
}

const at = (app: string, endpoint: string) => ({
  params: { path: { app_id: app, endpoint_id: endpoint } },
});

export function useEndpoint(app: string, endpoint: string) {
  return useQuery({
    queryKey: keys.endpoint(app, endpoint),
    queryFn: () => ok(api.GET("/api/v1/app/{app_id}/endpoint/{endpoint_id}", at(app, endpoint))),
  });
}

export function useHeaders(app: string, endpoint: string, enabled = true) {
  return useQuery({
    queryKey: keys.endpointPart(app, endpoint, "headers"),
    queryFn: () =>
      ok(api.GET("/api/v1/app/{app_id}/endpoint/{endpoint_id}/headers", at(app, endpoint))),
    enabled,
  });
}

/** What the endpoint gets when it is saved: itself, and custom headers to set or to remove. */
export interface EndpointChange {
  patch: EndpointPatch;
  headers: Schemas["HeadersPatch"]["headers"];
}

/** After any change of endpoints: lists, the endpoint itself and figures are asked for again. */
function useForget(app: string) {
  const client = useQueryClient();
  return () => {
    void client.invalidateQueries({ queryKey: keys.app(app) });
    void client.invalidateQueries({ queryKey: keys.stats });
  };
}

export function useCreateEndpoint(app: string) {
  return useMutation({
    mutationFn: (body: EndpointIn) =>
      ok(api.POST("/api/v1/app/{app_id}/endpoint", { params: { path: { app_id: app } }, body })),
    onSuccess: useForget(app),
  });
}

export function useChangeEndpoint(app: string, endpoint: string) {
  return useMutation({
    mutationFn: async ({ patch, headers }: EndpointChange) => {
      const changed = await ok(
        api.PATCH("/api/v1/app/{app_id}/endpoint/{endpoint_id}", {
          ...at(app, endpoint),
          body: patch,
        }),
      );
      if (Object.keys(headers).length > 0) {
        await ok(
          api.PATCH("/api/v1/app/{app_id}/endpoint/{endpoint_id}/headers", {
            ...at(app, endpoint),
            body: { headers },
          }),
        );
      }
      return changed;
    },
    onSuccess: useForget(app),
  });
}

export function useDeleteEndpoint(app: string, endpoint: string) {
  return useMutation({
    mutationFn: () =>
      ok(api.DELETE("/api/v1/app/{app_id}/endpoint/{endpoint_id}", at(app, endpoint))),
    onSuccess: useForget(app),
  });
}

/**
 * Never kept: a secret is asked for when somebody wants to see it. Without a scheme it is that of
 * the endpoint's first one.
 */
export function fetchSecret(
  app: string,
  endpoint: string,
  scheme?: Schemas["SchemeType"],
): Promise<Schemas["SecretOut"]> {
  const { path } = at(app, endpoint).params;
  return ok(
    api.GET("/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret", {
      params: { path, query: { scheme } },
    }),
  );
}

export function useRotateSecret(app: string, endpoint: string) {
  return useMutation({
    mutationFn: (body: Schemas["RotateIn"]) =>
      ok(
        api.POST("/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret/rotate", {
          ...at(app, endpoint),
          body,
        }),
      ),
    onSuccess: useForget(app),
  });
}

export function useSendExample(app: string, endpoint: string) {
  return useMutation({
    mutationFn: (body: Schemas["EventExampleIn"]) =>
      ok(
        api.POST("/api/v1/app/{app_id}/endpoint/{endpoint_id}/send-example", {
          ...at(app, endpoint),
          body,
        }),
      ),
    onSuccess: useForget(app),
  });
}

export interface Window {
  since: string;
  until?: string;
}

/** How many messages would be sent again. */
export function useRecoverPreview(
  app: string,
  endpoint: string,
  window: Window | null,
  kind: Recovery["kind"] = "recover",
) {
  return useQuery({
    queryKey: [...keys.endpointPart(app, endpoint, "preview"), window, kind],
    queryFn: () =>
      ok(
        api.GET("/api/v1/app/{app_id}/endpoint/{endpoint_id}/recover/preview", {
          params: {
            path: { app_id: app, endpoint_id: endpoint },
            query: { since: window?.since ?? "", until: window?.until, kind },
          },
        }),
      ),
    enabled: window !== null,
    staleTime: 0,
  });
}

export type Recovery =
  | { kind: "recover" | "replay-missing"; body: Schemas["RecoverIn"] }
  | { kind: "bulk-replay"; body: Schemas["BulkReplayIn"] };

export function useRecovery(app: string, endpoint: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ kind, body }: Recovery) => {
      const call = { ...at(app, endpoint), body };
      if (kind === "recover") {
        return ok(api.POST("/api/v1/app/{app_id}/endpoint/{endpoint_id}/recover", call));
      }
      if (kind === "replay-missing") {
        return ok(api.POST("/api/v1/app/{app_id}/endpoint/{endpoint_id}/replay-missing", call));
      }
      return ok(api.POST("/api/v1/app/{app_id}/endpoint/{endpoint_id}/bulk-replay", call));
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keys.tasks }),
  });
}

/** Which attempts: by the code of how they ended. */
export type AttemptFilter = Pick<
  QueryOf<"/api/v1/app/{app_id}/attempt/endpoint/{endpoint_id}">,
  "status"
>;

export function useEndpointAttempts(app: string, endpoint: string, filter: AttemptFilter) {
  return useList<Schemas["MessageAttemptOut"]>(
    [...keys.endpointPart(app, endpoint, "attempts"), filter],
    (iterator) =>
      api.GET("/api/v1/app/{app_id}/attempt/endpoint/{endpoint_id}", {
        params: {
          path: { app_id: app, endpoint_id: endpoint },
          query: {
            limit: 25,
            iterator,
            status: filter.status,
            with_content: false,
            with_msg: true,
          },
        },
      }),
  );
}
