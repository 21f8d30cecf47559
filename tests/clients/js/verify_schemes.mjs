// Checks deliveries signed as GitHub and Stripe sign with the verifiers that these publish,
// and others with Node's crypto, and says which ones were judged otherwise than expected.
import crypto from "node:crypto";
import fs from "node:fs";
import { verify as github } from "@octokit/webhooks-methods";
import Stripe from "stripe";

// No request is made with it.
const stripe = new Stripe("sk_test_unused");

async function hmac({ secret, headers, body, algorithm, encoding, signed, signature, prefix }) {
  const [before, after] = signed
    .replace("{id}", headers["x-acme-id"] ?? "")
    .replace("{timestamp}", headers["x-acme-timestamp"] ?? "")
    .split("{body}");
  const mac = crypto.createHmac(algorithm, secret);
  mac.update(before).update(body).update(after);
  if (headers[signature] !== prefix + mac.digest(encoding)) throw new Error("another signature");
}

const verifiers = {
  github: {
    "@octokit/webhooks-methods": async ({ secret, headers, body }) => {
      const fits = await github(secret, body.toString(), headers["x-hub-signature-256"]);
      if (!fits) throw new Error("another signature");
    },
  },
  stripe: {
    stripe: async ({ secret, headers, body }) => {
      stripe.webhooks.constructEvent(body, headers["stripe-signature"], secret);
    },
  },
  slack: {},
  hmac: { "node:crypto": hmac },
};

let right = 0;
let wrong = 0;
for (const one of JSON.parse(fs.readFileSync(process.argv[2]))) {
  for (const [verifier, verify] of Object.entries(verifiers[one.scheme])) {
    let problem;
    try {
      await verify({ ...one, body: Buffer.from(one.body, "base64") });
    } catch (error) {
      problem = error;
    }
    if (one.accepted === !problem) {
      right += 1;
    } else {
      wrong += 1;
      console.error(`${verifier}: ${one.name}: expected ${one.accepted ? "accepted" : "refused"}: ${problem}`);
    }
  }
}
console.log(`${right} passed, ${wrong} failed`);
process.exit(wrong === 0 && right > 0 ? 0 : 1);
