import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { keys } from "@/api/keys";
import { follow } from "@/api/live";
import type { ServerEvent } from "@/api/sse";

/** Many events in a moment make one question. */
const GATHER_MS = 400;
/** Figures are rolled up from what happened within a few seconds. */
const ROLLED_UP_MS = 4_000;

interface About {
  appId?: string;
  msgId?: string;
  endpointId?: string;
  taskId?: string;
  inboxId?: string;
}

function about(event: ServerEvent): About {
  try {
    return JSON.parse(event.data) as About;
  } catch {
    return {};
  }
}

/** What an event makes stale. Applications may be shown under their uid, so any of them is meant. */
function stale(event: ServerEvent): ((key: readonly unknown[]) => boolean)[] {
  const { msgId, endpointId, inboxId } = about(event);
  const inApp =
    (...parts: (string | undefined)[]) =>
    (key: readonly unknown[]) =>
      key[0] === "app" && parts.every((part, at) => part === undefined || key[at + 2] === part);
  switch (event.name) {
    case "message.created":
      return [inApp("messages")];
    case "attempt.made":
      return [
        inApp("messages"),
        inApp("message", msgId),
        inApp("endpoint", endpointId, "attempts"),
      ];
    case "endpoint.changed":
      return [inApp("endpoints"), inApp("endpoint", endpointId), (key) => key[0] === "stats"];
    case "task.changed":
      return [(key) => key[0] === "tasks"];
    case "inbox.request":
      return [(key) => key[0] === "inbox" && (inboxId === undefined || key[1] === inboxId)];
    default:
      return [];
  }
}

/** Gathers events for a moment, then asks again for what they make stale. */
class Stale {
  private tests: ((key: readonly unknown[]) => boolean)[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  private figures: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly client: QueryClient) {}

  take(event: ServerEvent) {
    if (event.name === "attempt.made") {
      this.figures ??= setTimeout(() => {
        this.figures = undefined;
        void this.client.invalidateQueries({ queryKey: keys.stats });
      }, ROLLED_UP_MS);
    }
    if (event.name === "reset") this.tests.push(() => true);
    else this.tests.push(...stale(event));
    this.timer ??= setTimeout(() => this.ask(), GATHER_MS);
  }

  private ask() {
    const tests = this.tests;
    this.tests = [];
    this.timer = undefined;
    void this.client.invalidateQueries({
      predicate: (query) => tests.some((test) => test(query.queryKey)),
    });
  }

  end() {
    clearTimeout(this.timer);
    clearTimeout(this.figures);
  }
}

/** Keeps everything on the screen current: of one application, or of the whole organisation. */
export function useFollow(app: string | null) {
  const client = useQueryClient();
  useEffect(() => {
    const end = new AbortController();
    const gathered = new Stale(client);
    const path =
      app === null ? "/api/v1/events" : `/api/v1/app/${encodeURIComponent(app)}/events/live`;
    void follow(path, end.signal, (event) => gathered.take(event));
    return () => {
      end.abort();
      gathered.end();
    };
  }, [app, client]);
}
