// Runs every JavaScript verifier over the cases of a file and says which ones a verifier
// judged otherwise than the case expects.
import crypto from "node:crypto";
import fs from "node:fs";
import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";

const TOLERANCE = 300;
// Turns a raw Ed25519 public key into the DER that Node reads.
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

function ed25519(secret, body, headers) {
  const raw = Buffer.from(secret.slice("whpk_".length), "base64");
  const key = crypto.createPublicKey({ key: Buffer.concat([SPKI, raw]), format: "der", type: "spki" });
  const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signatures } = headers;
  if (Math.abs(Date.now() / 1000 - Number(at)) > TOLERANCE) throw new Error("timestamp");
  const signed = Buffer.concat([Buffer.from(`${id}.${at}.`), body]);
  const fits = signatures
    .split(" ")
    .filter((one) => one.startsWith("v1a,"))
    .some((one) => crypto.verify(null, signed, key, Buffer.from(one.slice(4), "base64")));
  if (!fits) throw new Error("no signature fits");
}

const verifiers = {
  hmac: {
    standardwebhooks: (secret, body, headers) => new Standard(secret).verify(body, headers),
    svix: (secret, body, headers) => new Svix(secret).verify(body, headers),
  },
  ed25519: { "node:crypto": ed25519 },
};

const cases = JSON.parse(fs.readFileSync(process.argv[2]));
let wrong = 0;
let right = 0;
for (const { name, kind, secret, headers, body, accepted } of cases) {
  for (const [verifier, verify] of Object.entries(verifiers[kind])) {
    // standardwebhooks knows the standard's own header names only.
    if (verifier === "standardwebhooks" && !("webhook-id" in headers)) continue;
    let problem;
    try {
      verify(secret, Buffer.from(body, "base64"), headers);
    } catch (error) {
      problem = error;
    }
    if (accepted === !problem) {
      right += 1;
    } else {
      wrong += 1;
      console.error(`${verifier}: ${name}: expected ${accepted ? "accepted" : "refused"}: ${problem}`);
    }
  }
}
console.log(`${right} passed, ${wrong} failed`);
process.exit(wrong === 0 && right > 0 ? 0 : 1);
