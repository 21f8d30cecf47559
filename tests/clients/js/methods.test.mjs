// Every method that the client has, found by looking at the client: one whose route we
// answer is called and must succeed, any other must fail as the client's own 404.
// A method that neither table knows fails by name.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { client, eventually, generation, startReceiver } from "./support.mjs";
import { calls, unanswered } from "./methods.mjs";

const { ApiException } = generation;
const svix = client();

function methodsOf(object, path = []) {
  const prototype = Object.getPrototypeOf(object);
  return Object.entries(Object.getOwnPropertyDescriptors(prototype)).flatMap(([name, property]) => {
    if (name === "constructor") return [];
    if (property.get) return methodsOf(object[name], [...path, name]);
    return [{ name: [...path, name].join("."), object, method: property.value }];
  });
}

// What the client asks the server for, seen from below.
let asked = [];
const fetched = globalThis.fetch;
globalThis.fetch = (url, init) => {
  asked.push({ method: init.method.toLowerCase(), path: new URL(url).pathname });
  return fetched(url, init);
};

const answered = [];
function isAnswered({ method, path }) {
  return answered.some((route) => route.method === method && route.path.test(path));
}

/** Arguments that reach the server, whatever it then says. */
function anything(method) {
  const names = method.toString().match(/\(([^)]*)\)/)[1].split(",");
  return names.map((name) => {
    if (/^\s*options/.test(name)) return undefined;
    return /(In|Patch)\s*$/.test(name) ? { events: [] } : "x";
  });
}

let receiver;
let own;

before(async () => {
  const reply = await fetched(`${process.env.POSTRIDER_TEST_URL}/api/v1/openapi.json`);
  for (const [path, item] of Object.entries((await reply.json()).paths)) {
    const pattern = new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`);
    for (const method of Object.keys(item)) answered.push({ method, path: pattern });
  }
  receiver = await startReceiver();
  const app = (await svix.application.create({ name: "Methods" })).id;
  const endpoint = (await svix.endpoint.create(app, { url: receiver.url })).id;
  const published = await svix.message.create(app, { eventType: "a.b", payload: { n: 1 } });
  const attempts = await eventually("the attempt", async () => {
    const { data } = await svix.messageAttempt.listByMsg(app, published.id);
    return data.length > 0 && data;
  });
  const attempt = attempts[0].id;
  own = { app, endpoint, message: published.id, attempt, url: receiver.url, client };
});
after(() => receiver.close());

const methods = methodsOf(svix);

test("the client's methods are found", () => assert.ok(methods.length > 100, `${methods.length}`));

for (const { name, object, method } of methods) {
  test(name, async () => {
    const call = calls.get(name);
    const known = unanswered.some((pattern) => pattern.test(name));
    assert.ok(call || known, "a new method: add a call of it, or its group to those unanswered");
    asked = [];
    const work = call ? call(svix, own) : method.apply(object, anything(method));
    const [error] = await work.then(
      () => [],
      (error) => [error],
    );
    assert.ok(asked.length > 0, `nothing was asked: ${error}`);
    if (asked.every(isAnswered)) {
      assert.ok(call, `answered, and not tested: ${JSON.stringify(asked)}`);
      assert.equal(error, undefined, `${error} ${JSON.stringify(error?.body)}`);
    } else {
      assert.ok(error instanceof ApiException, `${error}`);
      assert.equal(error.code, 404, JSON.stringify(error.body));
      assert.equal(error.body.code, "not_found");
    }
  });
}
