import crypto from "node:crypto";
import { expect, test } from "vitest";
import { BODIES, RUNNING, run } from "../../../tests/support";
import { type HmacSigned, hmacCode, hmacSignedOf } from "./hmac-code";
import type { Scheme } from "./scheme";

const SECRET = 'the customer\'s secret: $1 \\ "x"';
const TIME = "1700000000";
const ID = "msg_01jcH3kZ9rTnQv5bX7mD2w";

const mac = (text: string, algorithm = "sha256", encoding: "hex" | "base64" = "hex") =>
  crypto.createHmac(algorithm, SECRET).update(text).digest(encoding);

interface Case {
  scheme: Scheme;
  sent: (body: string) => Record<string, string>;
}

/** As docs/schemes.md describes them. */
const CASES: Case[] = [
  {
    scheme: { type: "github", signatureHeader: "X-Acme-Signature", deliveryHeader: null },
    sent: (body) => ({ "X-Acme-Signature": `sha256=${mac(body)}` }),
  },
  {
    scheme: { type: "stripe", signatureHeader: "Stripe-Signature" },
    sent: (body) => ({
      "stripe-signature": `t=${TIME},v1=${"0".repeat(64)},v1=${mac(`${TIME}.${body}`)}`,
    }),
  },
  {
    scheme: {
      type: "slack",
      signatureHeader: "X-Slack-Signature",
      timestampHeader: "X-Slack-Request-Timestamp",
    },
    sent: (body) => ({
      "x-slack-signature": `v0=${mac(`v0:${TIME}:${body}`)}`,
      "x-slack-request-timestamp": TIME,
    }),
  },
  {
    scheme: {
      type: "hmac",
      signatureHeader: "X-Sig",
      prefix: "$`'\"",
      content: "{id}$`'\"%s\\{timestamp}:{body}",
      encoding: "base64",
      algorithm: "sha512",
      idHeader: "X-Id",
      timestampHeader: "X-Time",
    },
    sent: (body) => ({
      "x-sig": `$\`'"${mac(`${ID}$\`'"%s\\${TIME}:${body}`, "sha512", "base64")}`,
      "x-id": ID,
      "x-time": TIME,
    }),
  },
];

function signedOf({ scheme, sent }: Case, body: string): HmacSigned {
  const signed = hmacSignedOf(scheme, sent(body), body);
  if (!signed) throw new Error("it is signed");
  return signed;
}

for (const language of RUNNING) {
  for (const one of CASES) {
    test(`the ${language} that is shown verifies a ${one.scheme.type} signature, and refuses another body`, () => {
      for (const body of BODIES) {
        const signed = signedOf(one, body);
        const printed = run(language, hmacCode(language, signed), SECRET);
        expect(printed).toBe(`verified: ${signed.signature}\n`);
        const other = hmacCode(language, { ...signed, body: `${body} ` });
        expect(() => run(language, other, SECRET)).toThrow("the signature does not match");
      }
    });
  }
}

test("an attempt that was signed otherwise has nothing to check", () => {
  expect(hmacSignedOf({ type: "stripe" }, { "webhook-signature": "v1,AA==" }, "{}")).toBeNull();
  expect(hmacSignedOf({ type: "standard" }, { "webhook-signature": "v1,AA==" }, "{}")).toBeNull();
});
