/** The names under which answers are kept, and by which they are forgotten. */
export const keys = {
  apps: ["apps"] as const,
  app: (app: string) => ["app", app] as const,
  endpoints: (app: string) => ["app", app, "endpoints"] as const,
  endpoint: (app: string, endpoint: string) => ["app", app, "endpoint", endpoint] as const,
  endpointPart: (app: string, endpoint: string, part: string) =>
    ["app", app, "endpoint", endpoint, part] as const,
  endpointStats: (app: string | null) => ["stats", "endpoints", app ?? "all"] as const,
  messages: (app: string) => ["app", app, "messages"] as const,
  message: (app: string, message: string) => ["app", app, "message", message] as const,
  messagePart: (app: string, message: string, part: string) =>
    ["app", app, "message", message, part] as const,
  eventTypes: ["event-types"] as const,
  tasks: ["tasks"] as const,
  settings: ["settings"] as const,
  keys: ["keys"] as const,
  operational: ["operational"] as const,
  portalConfig: ["portal-config"] as const,
  stats: ["stats"] as const,
  inboxes: ["inboxes"] as const,
  inbox: (id: string) => ["inbox", id] as const,
};
