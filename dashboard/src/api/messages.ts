import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ok, type QueryOf, raw, type Schemas } from "./client";
import { keys } from "./keys";
import { useList } from "./lists";
import { rawMember } from "./raw-json";

export type Message = Schemas["MessageOut"];
export type Attempt = Schemas["MessageAttemptOut"];
export type Destination = Schemas["MessageEndpointOut"];
export type FoundMessage = Schemas["FoundMessageOut"];

/** How a message's deliveries may stand. */
export type MessageStatus = NonNullable<QueryOf<"/api/v1/app/{app_id}/msg/search">["status"]>;

/** What the address of the messages screen may say. */
export interface MessageFilter {
  q?: string;
  eventType?: string;
  channel?: string;
  tag?: string;
  status?: MessageStatus;
  endpoint?: string;
  after?: string;
  before?: string;
}

export function useMessages(app: string, filter: MessageFilter) {
  return useList<FoundMessage>([...keys.messages(app), filter], (iterator) =>
    api.GET("/api/v1/app/{app_id}/msg/search", {
      params: {
        path: { app_id: app },
        query: {
          limit: 40,
          iterator,
          q: filter.q || undefined,
          eventTypes: filter.eventType ? [filter.eventType] : undefined,
          channel: filter.channel || undefined,
          tag: filter.tag || undefined,
          status: filter.status,
          endpointId: filter.endpoint || undefined,
          after: filter.after || undefined,
          before: filter.before || undefined,
        },
      },
    }),
  );
}

/** A message, and its payload's text byte for byte as it was published and signed. */
export interface FullMessage {
  message: Message;
  /** Null once it is gone. */
  payload: string | null;
}

/** The payload as it was sent, from the text of the API's answer. */
export function payloadOf(answer: string): string | null {
  const text = rawMember(answer, "payload") ?? "{}";
  const value = JSON.parse(text) as Record<string, unknown>;
  const names = Object.keys(value);
  if (names.length === 1 && value.expired === true) return null;
  if (names.length === 1 && typeof value.rawPayload === "string") return value.rawPayload;
  return text;
}

export function useMessage(app: string, message: string) {
  return useQuery({
    queryKey: keys.message(app, message),
    queryFn: async (): Promise<FullMessage> => {
      const path = `/api/v1/app/${encodeURIComponent(app)}/msg/${encodeURIComponent(message)}`;
      const text = await (await raw(path)).text();
      return { message: JSON.parse(text) as Message, payload: payloadOf(text) };
    },
  });
}

/** Whether the delivery has not ended: the status alone tells only how its last attempt ended. */
export function isOpen(destination: Destination): boolean {
  const { statusText, nextAttempt } = destination;
  return statusText === "pending" || statusText === "sending" || nextAttempt !== null;
}

/** Waiting for an answer, or for a retry that is due by now: worth asking again soon. */
function isMoving(destination: Destination): boolean {
  const { nextAttempt } = destination;
  return isOpen(destination) && (!nextAttempt || Date.parse(nextAttempt) < Date.now() + 15_000);
}

export function useDestinations(app: string, message: string) {
  return useList<Destination>(
    keys.messagePart(app, message, "destinations"),
    (iterator) =>
      api.GET("/api/v1/app/{app_id}/msg/{msg_id}/endpoint", {
        params: { path: { app_id: app, msg_id: message }, query: { limit: 100, iterator } },
      }),
    { refetchInterval: (rows) => (rows.some(isMoving) ? 2_000 : false) },
  );
}

/** The attempts of one message at one endpoint, the youngest first. */
export function useAttempts(app: string, message: string, endpoint: string, moving: boolean) {
  return useList<Attempt>(
    [...keys.messagePart(app, message, "attempts"), endpoint],
    (iterator) =>
      api.GET("/api/v1/app/{app_id}/attempt/msg/{msg_id}", {
        params: {
          path: { app_id: app, msg_id: message },
          query: { limit: 50, iterator, endpoint_id: endpoint },
        },
      }),
    { refetchInterval: moving ? 2_000 : false },
  );
}

export function useResend(app: string, message: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (endpoint: string) =>
      ok(
        api.POST("/api/v1/app/{app_id}/msg/{msg_id}/endpoint/{endpoint_id}/resend", {
          params: { path: { app_id: app, msg_id: message, endpoint_id: endpoint } },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.app(app) }),
  });
}

export function usePublish(app: string) {
  const client = useQueryClient();
  return useMutation({
    // The payload goes as the text that was typed: it is sent byte for byte.
    mutationFn: async (message: { eventType: string; payload: string }) => {
      const path = `/api/v1/app/${encodeURIComponent(app)}/msg`;
      const body = `{"eventType":${JSON.stringify(message.eventType)},"payload":${message.payload}}`;
      const headers = { "content-type": "application/json" };
      return (await (await raw(path, { method: "POST", body, headers })).json()) as Message;
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keys.app(app) }),
  });
}
