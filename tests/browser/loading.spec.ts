import { expect, test } from "./support/test";

const BUDGET = 250 * 1024;

test("the first load is under 250 KiB compressed, and nothing comes from elsewhere", async ({
  page,
  server,
}) => {
  const app = await server.api().app("Budget");
  const { link } = await server.api().portal(app);
  const client = await page.context().newCDPSession(page);
  await client.send("Network.enable");
  let bytes = 0;
  const hosts = new Set<string>();
  client.on("Network.loadingFinished", (event) => {
    bytes += event.encodedDataLength;
  });
  page.on("request", (request) => hosts.add(new URL(request.url()).origin));
  await page.goto(link);
  await expect(page.getByText("No endpoints yet")).toBeVisible();
  await page.evaluate(() => document.fonts.ready);
  expect([...hosts]).toEqual([server.url]);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(BUDGET);
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
