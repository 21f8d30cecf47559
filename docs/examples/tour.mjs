// The main operations by the client from npm, in an order in which they can be run.
// POSTRIDER_URL and POSTRIDER_KEY say where and as whom.
import { Svix } from "svix";

const svix = new Svix(process.env.POSTRIDER_KEY, { serverUrl: process.env.POSTRIDER_URL });

// --- v1.application.create
const app = await svix.application.create({ name: "Acme Inc.", uid: "acme-js" });

// --- v1.application.list
const apps = await svix.application.list({ limit: 20 });

// --- v1.event-type.create
await svix.eventType.create({
  name: "invoice.paid.js",
  description: "An invoice was paid in full",
});

// --- v1.endpoint.create
const endpoint = await svix.endpoint.create("acme-js", {
  url: "https://example.com/webhooks",
  eventTypes: ["invoice.paid.js"],
});

// --- v1.endpoint.get-secret
const { key } = await svix.endpoint.getSecret("acme-js", endpoint.id);

// --- v1.message.create
const message = await svix.message.create(
  "acme-js",
  { eventType: "invoice.paid.js", payload: { invoice: "in_1", amount: 4200 } },
  { idempotencyKey: "invoice-1-paid-js" },
);

// --- v1.message.list
const messages = await svix.message.list("acme-js", { eventTypes: ["invoice.paid.js"], limit: 20 });

// --- v1.message-attempt.list-by-msg
const attempts = await svix.messageAttempt.listByMsg("acme-js", message.id);

// --- v1.message-attempt.resend
await svix.messageAttempt.resend("acme-js", message.id, endpoint.id);

// --- v1.endpoint.rotate-secret
await svix.endpoint.rotateSecret("acme-js", endpoint.id, { gracePeriodSeconds: 86400 });

// --- v1.endpoint.recover
const yesterday = new Date(Date.now() - 24 * 3600 * 1000);
const task = await svix.endpoint.recover("acme-js", endpoint.id, { since: yesterday });

// --- v1.background-task.list
const tasks = await svix.backgroundTask.list({ limit: 20 });

// --- v1.endpoint.patch
await svix.endpoint.patch("acme-js", endpoint.id, { disabled: true });

// --- v1.application.delete
await svix.application.delete(app.id);
// ---

console.log(apps.data.length, key.length, messages.data.length, attempts.done, task.id, tasks.done);
