// Judges the messages of a file with the libraries that receivers use, signs each of them as
// well, and writes both down: verdicts and signatures, one object a line.
import fs from "node:fs";
import { sign, verify } from "@octokit/webhooks-methods";
import { Webhook as Standard } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as Svix } from "svix";

const standard = (Webhook) => ({
  sign: ({ secret, id, timestamp, body }) =>
    new Webhook(secret).sign(id, new Date(timestamp * 1000), body),
  verify: ({ secret, headers }, body) => {
    new Webhook(secret).verify(body, headers);
    return true;
  },
});

const libraries = {
  standard: { standardwebhooks: standard(Standard), svix: standard(Svix) },
  github: {
    "@octokit/webhooks-methods": {
      sign: ({ secret, body }) => sign(secret, body),
      verify: ({ secret, headers }, body) => verify(secret, body, headers["x-hub-signature-256"]),
    },
  },
  stripe: {
    stripe: {
      sign: ({ secret, timestamp, body }) =>
        Stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp }),
      verify: ({ secret, headers }, body) =>
        Stripe.webhooks.signature.verifyHeader(body, headers["stripe-signature"], secret, 300),
    },
  },
  slack: {},
};

const [, , input, output] = process.argv;
const cases = JSON.parse(fs.readFileSync(input, "utf8"));
const lines = [];
for (const [index, one] of cases.entries()) {
  for (const [library, { sign, verify }] of Object.entries(libraries[one.scheme])) {
    let accepted = false;
    try {
      accepted = await verify(one, one.received);
    } catch {
      // Refused.
    }
    lines.push(JSON.stringify({ library, index, accepted, signature: await sign(one) }));
  }
}
fs.writeFileSync(output, lines.join("\n"));
