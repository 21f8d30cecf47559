import { execFileSync } from "node:child_process";
import crypto from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Language, type Signed, verifyCode } from "./verify-code";

const BODIES = [
  '{"invoice":"in_1","amount":42.50}',
  `{ "quotes": "'\\"#\\u00e9é\u2028", "dollar": "$HOME \`id\` \\\\n",\n "emoji": "🦊", "end": "'" }`,
  "a\r\nb\n",
];
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
  eventType: "invoice.paid",
  body,
});

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "verify-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

const RUNS: [Language, string, string][] = [
  ["javascript", "verify.mjs", process.execPath],
  ["python", "verify.py", "python3"],
  ["curl", "verify.sh", "bash"],
];

function run(code: string, file: string, program: string, secret: string): string {
  const path = join(dir, file);
  writeFileSync(path, code);
  return execFileSync(program, [path], {
    env: { ...process.env, WEBHOOK_SECRET: secret },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

for (const [language, file, program] of RUNS) {
  test(`the ${language} that is shown verifies the signature, and refuses another body`, () => {
    for (const body of BODIES) {
      const { signed, secret } = hmacSigned(body);
      expect(run(verifyCode(language, signed), file, program, secret)).toBe(`verified: ${ID}\n`);
      const other = verifyCode(language, { ...signed, body: `${body} ` });
      expect(() => run(other, file, program, secret)).toThrow("the signature does not match");
    }
  });
}

// Python needs a package for Ed25519 that may not be installed here.
for (const [language, file, program] of RUNS.filter(([name]) => name !== "python")) {
  test(`the ${language} that is shown verifies an Ed25519 signature`, () => {
    for (const body of BODIES) {
      const { signed, secret } = ed25519Signed(body);
      expect(run(verifyCode(language, signed), file, program, secret)).toBe(`verified: ${ID}\n`);
      const other = verifyCode(language, { ...signed, timestamp: "1700000001" });
      expect(() => run(other, file, program, secret)).toThrow("the signature does not match");
    }
  });
}

test("the Rust that is shown holds the body as it was sent", () => {
  const code = (body: string) => verifyCode("rust", of(body, "v1,AA=="));
  expect(code('{"a":"#"}')).toContain('let body = r##"{"a":"#"}"##;');
  expect(code("a\r\nb")).toContain('let body = "a\\r\\nb";');
  expect(code("{}")).toContain('let body = "{}";');
});
