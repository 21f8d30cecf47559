import { expect, test } from "vitest";
import { payloadOf } from "./messages";
import { rawMember } from "./raw-json";

test("a member's text comes out byte for byte", () => {
  const payload = '{ "b":1.50,"a":"\\u00e9\\"}{",\n"10":[1,{"x":[]}], "2":null }';
  for (const json of [
    `{"payload":${payload}}`,
    `{"id":"a,\\"payload\\":1","n":{"payload":2},"payload": ${payload} ,"z":[1]}`,
    ` { "l" : [ { "payload" : 3 } ] , "payload" : ${payload} }`,
  ]) {
    expect(rawMember(json, "payload")).toBe(payload);
    JSON.parse(json);
  }
  expect(rawMember('{"a":1}', "payload")).toBeUndefined();
  expect(rawMember("[1]", "payload")).toBeUndefined();
});

test("a payload that is no object is taken out of its wrapping, and a gone one is null", () => {
  expect(payloadOf('{"id":"m","payload":{"rawPayload":"<a b=\\"1\\"/>"}}')).toBe('<a b="1"/>');
  expect(payloadOf('{"payload":{"expired":true}}')).toBeNull();
  expect(payloadOf('{"payload":{"expired":true,"a":1}}')).toBe('{"expired":true,"a":1}');
  expect(payloadOf('{"payload":{"n":1.0}}')).toBe('{"n":1.0}');
});
