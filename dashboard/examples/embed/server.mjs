// A customer's view of a product that sends its webhooks with Postrider: the product's own page,
// with the portal in a frame. Node alone, no packages.
//
//   POSTRIDER_URL=http://127.0.0.1:8071 POSTRIDER_KEY=prk_... node server.mjs
//
// The key stays on this server. For each visit it asks for a link of the signed-in customer's own
// application; the link carries a code that works once, within ten minutes. Postrider must allow
// this origin to frame the portal: Settings, Embedding, or
//   PATCH /api/v1/settings {"frameAncestors": ["http://127.0.0.1:8075"]}
import { readFileSync } from "node:fs";
import http from "node:http";

const { POSTRIDER_URL = "http://127.0.0.1:8071", POSTRIDER_KEY, PORT = "8075" } = process.env;
if (!POSTRIDER_KEY) {
  process.stderr.write("set POSTRIDER_KEY to an API key of your organisation\n");
  process.exit(2);
}

// In a product this comes from the session of whoever is signed in.
const customer = { uid: "example-customer", name: "Example Customer" };

/** A link into the portal of this customer; makes their application when they first come. */
async function portalLink() {
  const answer = await fetch(`${POSTRIDER_URL}/api/v1/auth/app-portal-access/${customer.uid}`, {
    method: "POST",
    headers: { authorization: `Bearer ${POSTRIDER_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ application: customer, expiry: 3600 }),
  });
  if (!answer.ok) throw new Error(`Postrider answered ${answer.status}: ${await answer.text()}`);
  return new URL((await answer.json()).url, POSTRIDER_URL).href;
}

const escaped = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
const page = readFileSync(new URL("page.html", import.meta.url), "utf8");
const style = readFileSync(new URL("page.css", import.meta.url));

http
  .createServer(async (request, response) => {
    if (request.url === "/page.css") {
      response.writeHead(200, { "content-type": "text/css" }).end(style);
      return;
    }
    try {
      const html = page.replace("{{link}}", escaped(await portalLink()));
      // The link is for this visit: nothing may keep the page.
      const headers = { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" };
      response.writeHead(200, headers).end(html);
    } catch (error) {
      process.stderr.write(`${error}\n`);
      response.writeHead(502, { "content-type": "text/plain" }).end("The portal is away.\n");
    }
  })
  .listen(Number(PORT), "127.0.0.1", function () {
    process.stdout.write(`open http://127.0.0.1:${this.address().port}\n`);
  });
