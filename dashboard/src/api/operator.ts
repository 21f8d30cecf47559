import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ok, type Schemas } from "./client";
import { keys } from "./keys";
import { useList, useSeeking } from "./lists";

export type App = Schemas["ApplicationOut"];
export type Settings = Schemas["SettingsOut"];
export type Key = Schemas["KeyOut"];
export type OperationalEndpoint = Schemas["OperationalEndpointOut"];

/** Those whose name or uid holds the text, or whose id it is; the youngest first. */
export function useApps(text = "") {
  const search = text.trim() || undefined;
  const list = useList<App>(
    [...keys.apps, search ?? ""],
    (iterator) =>
      api.GET("/api/v1/app", {
        params: { query: { limit: 50, iterator, order: "descending", search } },
      }),
    { keepsPrevious: true },
  );
  const isSeeking = useSeeking(list, 1);
  return { ...list, rows: isSeeking ? undefined : list.rows };
}

export function useApp(app: string) {
  return useQuery({
    queryKey: [...keys.app(app), "itself"],
    queryFn: () => ok(api.GET("/api/v1/app/{app_id}", { params: { path: { app_id: app } } })),
  });
}

/** What follows a change: what is asked for again under this name. */
function useForget(...forgotten: (readonly unknown[])[]) {
  const client = useQueryClient();
  return () => {
    for (const queryKey of forgotten) void client.invalidateQueries({ queryKey });
  };
}

export function useCreateApp() {
  return useMutation({
    mutationFn: (body: Schemas["ApplicationIn"]) => ok(api.POST("/api/v1/app", { body })),
    onSuccess: useForget(keys.apps),
  });
}

export function useChangeApp(app: string) {
  return useMutation({
    mutationFn: (body: Schemas["ApplicationPatch"]) =>
      ok(api.PATCH("/api/v1/app/{app_id}", { params: { path: { app_id: app } }, body })),
    onSuccess: useForget(keys.apps, keys.app(app)),
  });
}

export function useDeleteApp(app: string) {
  return useMutation({
    mutationFn: () => ok(api.DELETE("/api/v1/app/{app_id}", { params: { path: { app_id: app } } })),
    onSuccess: useForget(keys.apps),
  });
}

export function usePortalLink(app: string) {
  return useMutation({
    mutationFn: (body: Schemas["AppPortalAccessIn"]) =>
      ok(
        api.POST("/api/v1/auth/app-portal-access/{app_id}", {
          params: { path: { app_id: app } },
          body,
        }),
      ),
  });
}

export function useExpireAll(app: string) {
  return useMutation({
    mutationFn: () =>
      ok(
        api.POST("/api/v1/auth/app/{app_id}/expire-all", {
          params: { path: { app_id: app } },
          body: {},
        }),
      ),
  });
}

export function useSettings() {
  return useQuery({
    queryKey: keys.settings,
    queryFn: () => ok(api.GET("/api/v1/settings")),
  });
}

export function useChangeSettings() {
  return useMutation({
    mutationFn: (body: Schemas["SettingsPatch"]) => ok(api.PATCH("/api/v1/settings", { body })),
    onSuccess: useForget(keys.settings, keys.portalConfig),
  });
}

export function useKeys() {
  return useQuery({ queryKey: keys.keys, queryFn: () => ok(api.GET("/api/v1/key")) });
}

export function useCreateKey() {
  return useMutation({
    mutationFn: (body: Schemas["KeyIn"]) => ok(api.POST("/api/v1/key", { body })),
    onSuccess: useForget(keys.keys),
  });
}

export function useRevokeKey() {
  return useMutation({
    mutationFn: (id: string) =>
      ok(api.DELETE("/api/v1/key/{key_id}", { params: { path: { key_id: id } } })),
    onSuccess: useForget(keys.keys),
  });
}

export function useOperationalEndpoints() {
  return useList<OperationalEndpoint>(keys.operational, (iterator) =>
    api.GET("/api/v1/operational-webhook/endpoint", {
      params: { query: { limit: 50, iterator } },
    }),
  );
}

const operational = (id: string) => ({ params: { path: { endpoint_id: id } } });

export function useSaveOperational(id: string | null) {
  return useMutation({
    mutationFn: (body: Schemas["OperationalEndpointIn"]) =>
      id === null
        ? ok(api.POST("/api/v1/operational-webhook/endpoint", { body }))
        : ok(
            api.PUT("/api/v1/operational-webhook/endpoint/{endpoint_id}", {
              ...operational(id),
              body,
            }),
          ),
    onSuccess: useForget(keys.operational),
  });
}

export function useDeleteOperational() {
  return useMutation({
    mutationFn: (id: string) =>
      ok(api.DELETE("/api/v1/operational-webhook/endpoint/{endpoint_id}", operational(id))),
    onSuccess: useForget(keys.operational),
  });
}

export function fetchOperationalSecret(id: string) {
  return ok(api.GET("/api/v1/operational-webhook/endpoint/{endpoint_id}/secret", operational(id)));
}

export function useRotateOperational(id: string) {
  return useMutation({
    mutationFn: (body: Schemas["RotateIn"]) =>
      ok(
        api.POST("/api/v1/operational-webhook/endpoint/{endpoint_id}/secret/rotate", {
          ...operational(id),
          body,
        }),
      ),
  });
}
