import type { Receiver } from "./receiver";
import type { Server } from "./server";

/** An organisation with something on every screen. */
export interface World {
  app: string;
  endpoint: string;
  failing: string;
  disabled: string;
  message: string;
  portal: { link: string; token: string };
}

export async function world(server: Server, receiver: Receiver, name: string): Promise<World> {
  const api = server.api();
  for (const [type, more] of [
    ["invoice.paid", { groupName: "Billing" }],
    ["invoice.voided", { groupName: "Billing", deprecated: true }],
    ["user.created", {}],
  ] as const) {
    await api.eventType(type, more).catch(() => undefined);
  }
  const app = await api.app(name);
  const endpoint = await api.endpoint(app, {
    url: receiver.url,
    description: "Billing service, production",
    eventTypes: ["invoice.paid"],
    channels: ["eu"],
    headers: { "x-team": "billing" },
    throttleRate: 50,
  });
  await api.patch(`/app/${app}/endpoint/${endpoint}`, { channels: null });
  const failing = await api.endpoint(app, {
    url: "http://127.0.0.1:1/nobody",
    description: "Warehouse",
    retryPolicy: { type: "schedule", seconds: [3600] },
    signatureScheme: ["github", "standard"],
  });
  const disabled = await api.endpoint(app, { url: "https://hooks.example.com/old" });
  await api.patch(`/app/${app}/endpoint/${disabled}`, { disabled: true });
  const message = await api.publish(app, "invoice.paid", {
    id: "in_1MtHbELkdIwHu7ix",
    amount: 4200,
    customer: { email: "ada@example.com" },
  });
  await api.publish(app, "user.created", { id: "usr_1" });
  const since = new Date(Date.now() - 3_600_000).toISOString();
  await api.post(`/app/${app}/endpoint/${endpoint}/recover`, { since });
  return { app, endpoint, failing, disabled, message, portal: await api.portal(app) };
}

/** Every screen of the console. */
export function consoleScreens(w: World, inbox: string): Record<string, string> {
  const app = `/console/applications/${w.app}`;
  return {
    overview: "/console/overview",
    "overview-1h": "/console/overview?range=1h",
    applications: "/console/applications",
    endpoints: `${app}/endpoints`,
    messages: `${app}/messages`,
    tasks: "/console/tasks",
    inboxes: "/console/inbox",
    inbox: `/console/inbox/${inbox}`,
    "event-types": "/console/event-types",
    "event-type-new": "/console/event-types/new",
    "event-type-edit": "/console/event-types/invoice.paid/edit",
    keys: "/console/keys",
    operational: "/console/operational",
    settings: "/console/settings",
    gallery: "/console/gallery",
    nothing: "/console/no-such-screen",
  };
}

/** Every screen of the portal. */
export function portalScreens(w: World): Record<string, string> {
  return {
    endpoints: "/portal/endpoints",
    "endpoint-new": "/portal/endpoints/new",
    "endpoint-edit": `/portal/endpoints/${w.endpoint}/edit`,
    endpoint: `/portal/endpoints/${w.endpoint}`,
    "endpoint-failing": `/portal/endpoints/${w.failing}`,
    "endpoint-failing-edit": `/portal/endpoints/${w.failing}/edit`,
    "endpoint-failing-details": `/portal/endpoints/${w.failing}?tab=details`,
    "endpoint-disabled": `/portal/endpoints/${w.disabled}`,
    "endpoint-recover": `/portal/endpoints/${w.endpoint}?tab=recover`,
    "endpoint-details": `/portal/endpoints/${w.endpoint}?tab=details`,
    messages: "/portal/messages",
    "messages-filtered": "/portal/messages?status=failing&tag=none",
    message: `/portal/messages/${w.message}`,
    catalogue: "/portal/event-types",
  };
}
