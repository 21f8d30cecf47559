// What the tests share: the server under test, a receiver, and waiting.
import http from "node:http";
import { once } from "node:events";

/** The client as its users import it; POSTRIDER_TEST_CLIENT names the package. */
export const generation = await import(process.env.POSTRIDER_TEST_CLIENT ?? "svix");

const need = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: these tests want a running server and a key`);
  return value;
};

export const client = (token = need("POSTRIDER_TEST_KEY")) =>
  new generation.Svix(token, { serverUrl: need("POSTRIDER_TEST_URL") });

/** Starts a receiver on a free port; `status` may be changed at any time. */
export async function startReceiver() {
  const receiver = { requests: [], status: 200 };
  const server = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    receiver.requests.push({ headers: request.headers, body: Buffer.concat(parts) });
    response.writeHead(receiver.status).end("seen");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  receiver.url = `http://127.0.0.1:${server.address().port}/hook`;
  receiver.received = (count) =>
    eventually(`${count} requests`, () => receiver.requests.length >= count && receiver.requests);
  receiver.close = () => {
    server.close();
    server.closeAllConnections();
  };
  return receiver;
}

/** Asks until `probe` gives something, for 30 seconds. */
export async function eventually(what, probe) {
  const end = Date.now() + 30_000;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited 30 s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
