import type { Page } from "@playwright/test";
import { expect, signIn, test } from "./support/test";

const BUDGET = 250 * 1024;

/** Counts what comes over the wire, and from where. */
async function counted(page: Page) {
  const client = await page.context().newCDPSession(page);
  await client.send("Network.enable");
  const seen = { bytes: 0, hosts: new Set<string>() };
  client.on("Network.loadingFinished", (event) => {
    seen.bytes += event.encodedDataLength;
  });
  page.on("request", (request) => seen.hosts.add(new URL(request.url()).origin));
  return seen;
}

test("the first load is under 250 KiB compressed, and nothing comes from elsewhere", async ({
  page,
  server,
}) => {
  const app = await server.api().app("Budget");
  const { link } = await server.api().portal(app);
  const seen = await counted(page);
  await page.goto(link);
  await expect(page.getByText("No endpoints yet")).toBeVisible();
  await page.evaluate(() => document.fonts.ready);
  expect([...seen.hosts]).toEqual([server.url]);
  expect(seen.bytes).toBeGreaterThan(50_000);
  expect(seen.bytes).toBeLessThan(BUDGET);
});

test("so is the console's, its door and the overview with their answers included", async ({
  page,
  server,
}) => {
  const seen = await counted(page);
  await signIn(page, server);
  await expect(page.getByRole("heading", { name: "Nodes" })).toBeVisible();
  await page.evaluate(() => document.fonts.ready);
  expect([...seen.hosts]).toEqual([server.url]);
  expect(seen.bytes).toBeLessThan(BUDGET);
});

test("the page's policy is strict, and assets that are missing are 404", async ({ server }) => {
  for (const path of ["/", "/portal", "/console/keys", "/portal/messages/msg_1"]) {
    const answer = await fetch(server.url + path);
    expect(answer.status, path).toBe(200);
    expect(answer.headers.get("content-type")).toContain("text/html");
    expect(answer.headers.get("cache-control")).toContain("no-cache");
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(/default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(policy).not.toMatch(/unsafe|script-src[^;]*https?:/);
    expect(policy).toContain("frame-ancestors 'none'");
    for (const [, asset] of (await answer.text()).matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) {
      const file = await fetch(server.url + asset);
      expect(file.status, asset).toBe(200);
      expect(file.headers.get("cache-control")).toContain("immutable");
    }
  }
  expect((await fetch(`${server.url}/assets/none-12345678.js`)).status).toBe(404);
});
