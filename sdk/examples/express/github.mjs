// Receives webhooks that are signed as GitHub signs them: a hexadecimal HMAC-SHA256 of the raw
// body. What is known of an event beside it comes in headers, which are not signed.
import crypto from "node:crypto";
import { fileURLToPath } from "node:url";
import express from "express";

const secret = process.env.WEBHOOK_SECRET;
const seen = new Set();
const app = express();

// Raw on this route alone, and before any parser of JSON.
app.use("/webhook", express.raw({ type: "application/json" }));

export function isGenuine(body, header) {
  const wanted = Buffer.from(`sha256=${crypto.createHmac("sha256", secret).update(body).digest("hex")}`);
  const found = Buffer.from(header ?? "");
  // The comparison itself takes buffers of one length only.
  return found.length === wanted.length && crypto.timingSafeEqual(found, wanted);
}

app.post("/webhook", (request, response) => {
  if (!isGenuine(request.body, request.get("x-hub-signature-256"))) {
    return response.status(403).send("Invalid signature");
  }
  const delivery = request.get("x-github-delivery");
  const event = { type: request.get("x-github-event"), payload: JSON.parse(request.body) };
  if (!seen.has(delivery)) {
    seen.add(delivery);
    setImmediate(() => handle(delivery, event));
  }
  return response.status(200).send("OK");
});

function handle(delivery, event) {
  console.log(`handled ${delivery} ${event.type} ${JSON.stringify(event.payload)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}/webhook`);
  });
}
