// Receives webhooks that are signed as Standard Webhooks says: verify the raw body, claim the
// id, answer at once, work later. WEBHOOK_SECRET is the endpoint's secret, PORT where to listen.
import express from "express";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
// Ids by what is known of them. In production this is a table with the id as its primary key
// (or Redis), kept for longer than the sender tries: Postrider tries for up to three days.
const known = new Map();
const work = [];

const app = express();

// The raw body: JSON that was parsed and printed again does not verify.
app.post("/webhooks", express.raw({ type: "*/*", limit: "1mb" }), (request, response) => {
  let event;
  try {
    event = webhook.verify(request.body, request.headers);
  } catch {
    return response.sendStatus(401);
  }
  const id = request.headers["webhook-id"];
  if (known.get(id) === "done") {
    return response.sendStatus(200);
  }
  if (known.has(id)) {
    // Another delivery of it is in hand, and may yet fail: let the sender come back.
    return response.sendStatus(409);
  }
  known.set(id, "in hand");
  work.push({ id, event });
  setImmediate(next);
  return response.sendStatus(202);
});

function next() {
  const { id, event } = work.shift();
  try {
    handle(id, event);
    known.set(id, "done");
  } catch (error) {
    // Here the sender was told that all is well: try again yourself, or keep it for a person.
    known.delete(id);
    console.error(`failed ${id}: ${error.message}`);
  }
}

function handle(id, event) {
  console.log(`handled ${id} ${JSON.stringify(event)}`);
}

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/webhooks`);
});
