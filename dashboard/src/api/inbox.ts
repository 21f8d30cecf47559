import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ok, type Schemas } from "./client";
import { keys } from "./keys";
import { useList } from "./lists";

export type Inbox = Schemas["InboxOut"];
export type InboxRequest = Schemas["InboxRequestOut"];

export function useInboxes() {
  return useQuery({
    queryKey: keys.inboxes,
    queryFn: () => ok(api.GET("/api/v1/inbox")),
    retry: false,
  });
}

const at = (id: string) => ({ params: { path: { inbox_id: id } } });

export function useInbox(id: string) {
  return useQuery({
    queryKey: [...keys.inbox(id), "itself"],
    queryFn: () => ok(api.GET("/api/v1/inbox/{inbox_id}", at(id))),
  });
}

export function useInboxRequests(id: string) {
  return useList<InboxRequest>([...keys.inbox(id), "requests"], (iterator) =>
    api.GET("/api/v1/inbox/{inbox_id}/request", {
      params: { path: { inbox_id: id }, query: { limit: 50, iterator } },
    }),
  );
}

function useForget(id?: string) {
  const client = useQueryClient();
  return () => {
    void client.invalidateQueries({ queryKey: keys.inboxes });
    if (id) void client.invalidateQueries({ queryKey: keys.inbox(id) });
  };
}

export function useCreateInbox() {
  return useMutation({
    mutationFn: (body: Schemas["InboxIn"]) => ok(api.POST("/api/v1/inbox", { body })),
    onSuccess: useForget(),
  });
}

export function useChangeInbox(id: string) {
  return useMutation({
    mutationFn: (body: Schemas["InboxPatch"]) =>
      ok(api.PATCH("/api/v1/inbox/{inbox_id}", { ...at(id), body })),
    onSuccess: useForget(id),
  });
}

export function useDeleteInbox(id: string) {
  return useMutation({
    mutationFn: () => ok(api.DELETE("/api/v1/inbox/{inbox_id}", at(id))),
    onSuccess: useForget(),
  });
}

export function useClearInbox(id: string) {
  return useMutation({
    mutationFn: () => ok(api.DELETE("/api/v1/inbox/{inbox_id}/request", at(id))),
    onSuccess: useForget(id),
  });
}
