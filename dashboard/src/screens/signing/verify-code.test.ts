import crypto from "node:crypto";
import { expect, test } from "vitest";
import { BODIES, RUNNING, run } from "../../../tests/support";
import { type Signed, verifyCode } from "./verify-code";

const ID = "msg_01jcH3kZ9rTnQv5bX7mD2w";
const TIMESTAMP = "1700000000";

function hmacSigned(body: string): { signed: Signed; secret: string } {
  const key = crypto.randomBytes(24);
  const mac = crypto
    .createHmac("sha256", key)
    .update(`${ID}.${TIMESTAMP}.${body}`)
    .digest("base64");
  return { secret: `whsec_${key.toString("base64")}`, signed: of(body, `v1,AAAA v1,${mac}`) };
}

function ed25519Signed(body: string): { signed: Signed; secret: string } {
  const pair = crypto.generateKeyPairSync("ed25519");
  const raw = pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const mac = crypto.sign(null, Buffer.from(`${ID}.${TIMESTAMP}.${body}`), pair.privateKey);
  return {
    secret: `whpk_${raw.toString("base64")}`,
    signed: of(body, `v1a,${mac.toString("base64")}`),
  };
}

const of = (body: string, signature: string): Signed => ({
  id: ID,
  timestamp: TIMESTAMP,
  signature,
  family: "webhook",
  body,
});

for (const language of RUNNING) {
  test(`the ${language} that is shown verifies the signature, and refuses another body`, () => {
    for (const body of BODIES) {
      const { signed, secret } = hmacSigned(body);
      expect(run(language, verifyCode(language, signed), secret)).toBe(`verified: ${ID}\n`);
      const other = verifyCode(language, { ...signed, body: `${body} ` });
      expect(() => run(language, other, secret)).toThrow("the signature does not match");
    }
  });
}

// Python needs a package for Ed25519 that may not be installed here.
for (const language of RUNNING.filter((name) => name !== "python")) {
  test(`the ${language} that is shown verifies an Ed25519 signature`, () => {
    for (const body of BODIES) {
      const { signed, secret } = ed25519Signed(body);
      expect(run(language, verifyCode(language, signed), secret)).toBe(`verified: ${ID}\n`);
      const other = verifyCode(language, { ...signed, timestamp: "1700000001" });
      expect(() => run(language, other, secret)).toThrow("the signature does not match");
    }
  });
}

test("the Rust that is shown holds the body as it was sent", () => {
  const code = (body: string) => verifyCode("rust", of(body, "v1,AA=="));
  expect(code('{"a":"#"}')).toContain('let body = r##"{"a":"#"}"##;');
  expect(code("a\r\nb")).toContain('let body = "a\\r\\nb";');
  expect(code("{}")).toContain('let body = "{}";');
});
