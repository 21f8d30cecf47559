// The main path of a company that sends webhooks, through the official client.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Webhook } from "svix";
import { client, eventually, startReceiver } from "./support.mjs";

const svix = client();
let receiver;
let app;

before(async () => {
  receiver = await startReceiver();
  app = await svix.application.create({ name: "Shop", uid: `shop-${process.pid}` });
});
after(() => receiver.close());

test("applications are made, found by uid, changed, listed and deleted", async () => {
  const again = await svix.application.getOrCreate({ name: "Other", uid: app.uid });
  assert.equal(again.id, app.id);
  assert.equal((await svix.application.get(app.uid)).name, "Shop");
  const updated = await svix.application.upsert(app.id, { name: "Store", uid: app.uid });
  assert.equal(updated.name, "Store");
  const patched = await svix.application.patch(app.id, { metadata: { plan: "pro" } });
  assert.deepEqual(patched.metadata, { plan: "pro" });
  assert.ok(patched.createdAt instanceof Date);

  const other = await svix.application.create({ name: "Gone soon" });
  const listed = await svix.application.list({ limit: 250 });
  assert.ok(listed.data.some(({ id }) => id === other.id));
  await svix.application.delete(other.id);
  await assert.rejects(svix.application.get(other.id), { code: 404 });
});

test("event types are made, changed, listed and deleted", async () => {
  const name = "invoice.paid";
  const schemas = { 1: { type: "object", properties: { amount: { type: "integer" } } } };
  const made = await svix.eventType.create({ name, description: "An invoice was paid", schemas });
  assert.equal(made.name, name);
  assert.deepEqual((await svix.eventType.get(name)).schemas, schemas);
  await svix.eventType.upsert(name, { description: "Paid" });
  const patched = await svix.eventType.patch(name, { deprecated: true });
  assert.equal(patched.deprecated, true);
  const listed = await svix.eventType.list({ limit: 250 });
  assert.ok(listed.data.some((one) => one.name === name));
  await svix.eventType.delete(name);
  const archived = await svix.eventType.list({ includeArchived: true, limit: 250 });
  assert.equal(archived.data.find((one) => one.name === name)?.archived, true);
});

test("endpoints are made, changed, listed and deleted", async () => {
  await svix.eventType.create({ name: "user.created", description: "A user signed up" });
  const made = await svix.endpoint.create(app.id, {
    url: receiver.url,
    uid: "first",
    description: "Main",
    eventTypes: ["user.created"],
    channels: ["eu"],
    headers: { "x-team": "billing" },
    disabled: true,
  });
  assert.equal(made.disabled, true);
  assert.deepEqual(made.eventTypes, ["user.created"]);
  assert.equal((await svix.endpoint.get(app.id, "first")).id, made.id);
  assert.deepEqual((await svix.endpoint.getHeaders(app.id, made.id)).headers, { "x-team": "billing" });
  await svix.endpoint.setHeaders(app.id, made.id, { headers: { "x-team": "sales" } });
  await svix.endpoint.patchHeaders(app.id, made.id, { headers: { "x-unit": "b" } });
  const { headers } = await svix.endpoint.getHeaders(app.id, made.id);
  assert.deepEqual(headers, { "x-team": "sales", "x-unit": "b" });
  const updated = await svix.endpoint.upsert(app.id, made.id, { url: receiver.url, description: "New" });
  assert.equal(updated.description, "New");
  const patched = await svix.endpoint.patch(app.id, made.id, { disabled: true, description: "Newer" });
  assert.equal(patched.description, "Newer");
  const listed = await svix.endpoint.list(app.id);
  assert.deepEqual(listed.data.map(({ id }) => id), [made.id]);
  assert.equal(listed.done, true);
  await svix.endpoint.delete(app.id, made.id);
  await assert.rejects(svix.endpoint.get(app.id, made.id), { code: 404 });
});

test("a message is published, delivered, recorded, resent, and its content removed", async () => {
  const own = await svix.application.create({ name: "Messages" });
  const endpoint = await svix.endpoint.create(own.id, { url: receiver.url });
  const { key } = await svix.endpoint.getSecret(own.id, endpoint.id);
  const before = receiver.requests.length;
  const body = {
    eventType: "user.created",
    eventId: "event-1",
    payload: { type: "user.created", name: "Zoë" },
  };
  const message = await svix.message.create(own.id, body, { withContent: true });
  assert.deepEqual(message.payload, { type: "user.created", name: "Zoë" });
  const arrived = (await receiver.received(before + 1))[before];
  assert.equal(arrived.headers["webhook-id"], message.id);
  new Webhook(key).verify(arrived.body, arrived.headers);

  const attempts = await eventually("the attempt", async () => {
    const found = await svix.messageAttempt.listByMsg(own.id, message.id, { withContent: true });
    return found.data.length > 0 && found.data;
  });
  assert.equal(attempts[0].responseStatusCode, 200);
  assert.equal(attempts[0].response, "seen");
  assert.equal(attempts[0].statusText, "success");
  assert.equal((await svix.messageAttempt.get(own.id, message.id, attempts[0].id)).id, attempts[0].id);
  const byEndpoint = await svix.messageAttempt.listByEndpoint(own.id, endpoint.id);
  assert.equal(byEndpoint.data[0].msgId, message.id);
  const messages = await svix.messageAttempt.listAttemptedMessages(own.id, endpoint.id);
  assert.equal(messages.data[0].statusText, "success");
  const destinations = await svix.messageAttempt.listAttemptedDestinations(own.id, message.id);
  assert.equal(destinations.data[0].id, endpoint.id);

  await svix.messageAttempt.resend(own.id, message.id, endpoint.id);
  const resent = (await receiver.received(before + 2))[before + 1];
  assert.equal(resent.headers["webhook-id"], message.id);
  assert.deepEqual(resent.body, arrived.body);

  assert.equal((await svix.message.get(own.id, "event-1")).id, message.id);
  const listed = await svix.message.list(own.id, { eventTypes: ["user.created"], after: new Date(0), before: new Date(Date.now() + 3_600_000) });
  assert.deepEqual(listed.data.map(({ id }) => id), [message.id]);
  await svix.message.expungeContent(own.id, message.id);
  const expunged = await svix.message.get(own.id, message.id, { withContent: true });
  assert.deepEqual(expunged.payload, { expired: true });
});

test("both secrets verify while one is rotated to the other", async () => {
  const own = await svix.application.create({ name: "Rotation" });
  const endpoint = await svix.endpoint.create(own.id, { url: receiver.url });
  const old = await svix.endpoint.getSecret(own.id, endpoint.id);
  await svix.endpoint.rotateSecret(own.id, endpoint.id, { gracePeriodSeconds: 600 });
  const fresh = await svix.endpoint.getSecret(own.id, endpoint.id);
  assert.notEqual(fresh.key, old.key);
  const before = receiver.requests.length;
  await svix.message.create(own.id, { eventType: "user.created", payload: { n: 1 } });
  const arrived = (await receiver.received(before + 1))[before];
  for (const { key } of [old, fresh]) new Webhook(key).verify(arrived.body, arrived.headers);
});

test("the same idempotency key gives the same message", async () => {
  const own = await svix.application.create({ name: "Idempotency" });
  const body = { eventType: "user.created", payload: { n: 1 } };
  const options = { idempotencyKey: "order-17" };
  const one = await svix.message.create(own.id, body, options);
  const two = await svix.message.create(own.id, body, options);
  assert.equal(one.id, two.id);
});

test("lists are paged with the iterator that the answer names", async () => {
  const own = await svix.application.create({ name: "Pages" });
  const made = [];
  for (let n = 0; n < 5; n += 1) {
    made.push((await svix.endpoint.create(own.id, { url: receiver.url, disabled: true })).id);
  }
  const seen = [];
  let iterator;
  for (;;) {
    const page = await svix.endpoint.list(own.id, { limit: 2, iterator, order: "ascending" });
    seen.push(...page.data.map(({ id }) => id));
    if (page.done) break;
    iterator = page.iterator;
  }
  assert.deepEqual(seen, made);
});
