import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ok, type Schemas } from "./client";
import { keys } from "./keys";

export type EventType = Schemas["EventTypeOut"];

/** More than this many are no catalogue that anybody chooses from. */
const MAX_PAGES = 20;

async function fetchAll(query: { include_archived?: boolean; with_content?: boolean }) {
  const found: EventType[] = [];
  let iterator: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await ok(
      api.GET("/api/v1/event-type", { params: { query: { ...query, limit: 250, iterator } } }),
    );
    found.push(...answer.data);
    if (answer.done || !answer.iterator) break;
    iterator = answer.iterator;
  }
  return found;
}

/** The whole catalogue, without schemas. */
export function useEventTypes(archived = false) {
  return useQuery({
    queryKey: [...keys.eventTypes, "all", archived],
    queryFn: () => fetchAll({ include_archived: archived }),
    staleTime: 60_000,
  });
}

export function useEventType(name: string | null) {
  return useQuery({
    queryKey: [...keys.eventTypes, "one", name],
    queryFn: () =>
      ok(
        api.GET("/api/v1/event-type/{event_type_name}", {
          params: { path: { event_type_name: name ?? "" } },
        }),
      ),
    enabled: name !== null,
  });
}

function useForget() {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: keys.eventTypes });
}

export function useCreateEventType() {
  return useMutation({
    mutationFn: (body: Schemas["EventTypeIn"]) => ok(api.POST("/api/v1/event-type", { body })),
    onSuccess: useForget(),
  });
}

export function useChangeEventType(name: string) {
  return useMutation({
    mutationFn: (body: Schemas["EventTypePatch"]) =>
      ok(
        api.PATCH("/api/v1/event-type/{event_type_name}", {
          params: { path: { event_type_name: name } },
          body,
        }),
      ),
    onSuccess: useForget(),
  });
}

export function useImportOpenApi() {
  const forget = useForget();
  return useMutation({
    mutationFn: (body: Schemas["OpenApiImportIn"]) =>
      ok(api.POST("/api/v1/event-type/import/openapi", { body })),
    onSuccess: (_, body) => (body.dryRun ? undefined : forget()),
  });
}

interface Schema {
  examples?: unknown[];
  example?: unknown;
  [key: string]: unknown;
}

/** The schema that examples are taken from, if the event type has one. */
export function schemaOf(type: Pick<EventType, "schemas">): Schema | undefined {
  return (type.schemas as Record<string, Schema> | null)?.["1"];
}

/** What can be sent as an example of it. */
export function examplesOf(type: Pick<EventType, "schemas">): unknown[] {
  return schemaOf(type)?.examples ?? [];
}
