import { useQuery } from "@tanstack/react-query";
import { api, ok } from "./client";
import { keys } from "./keys";

/** What the frame of the dashboard needs to know: looks, and what is turned on. */
export function usePortalConfig() {
  return useQuery({
    queryKey: keys.portalConfig,
    queryFn: () => ok(api.GET("/api/v1/portal/config")),
    staleTime: 60_000,
  });
}
