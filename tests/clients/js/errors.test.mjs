// Whatever goes wrong reaches the caller as the client's own exception, with a body
// that says what and where.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiException } from "svix";
import { client } from "./support.mjs";

const svix = client();

async function fails(promise, code) {
  const error = await promise.then(
    () => assert.fail(`expected ${code}`),
    (error) => error,
  );
  assert.ok(error instanceof ApiException, `${error}`);
  assert.equal(error.code, code, JSON.stringify(error.body));
  return error;
}

test("what is not there is a 404", async () => {
  const { body } = await fails(svix.application.get("app_none"), 404);
  assert.equal(typeof body.code, "string");
  assert.equal(typeof body.detail, "string");
  const app = await svix.application.create({ name: "Errors" });
  await fails(svix.endpoint.get(app.id, "ep_none"), 404);
  await fails(svix.message.get(app.id, "msg_none"), 404);
  await fails(svix.endpoint.delete(app.id, "ep_none"), 404);
});

test("a uid that is taken is a 409", async () => {
  const uid = `taken-${process.pid}`;
  await svix.application.create({ name: "One", uid });
  const { body } = await fails(svix.application.create({ name: "Two", uid }), 409);
  assert.equal(typeof body.detail, "string");
});

test("an event id that is taken is a 409", async () => {
  const app = await svix.application.create({ name: "Events" });
  const message = { eventType: "a.b", eventId: "once", payload: {} };
  await svix.message.create(app.id, message);
  await fails(svix.message.create(app.id, message), 409);
});

test("a value that is not allowed is a 422 that names the field", async () => {
  const app = await svix.application.create({ name: "Errors" });
  const { body } = await fails(svix.endpoint.create(app.id, { url: "not a url" }), 422);
  assert.ok(body.detail.some(({ loc }) => loc.includes("url")), JSON.stringify(body));
  await fails(svix.application.create({ name: "" }), 422);
  await fails(svix.message.create(app.id, { eventType: "a b", payload: {} }), 422);
});

test("a wrong key is a 401", async () => {
  const { body } = await fails(client("prk_wrong").application.list(), 401);
  assert.equal(body.code, "authentication_failed");
});
