import { expect, test } from "./support/test";

test("a read-only portal shows everything and offers nothing to change, and the API agrees", async ({
  page,
  server,
  receiver,
}) => {
  const api = server.api();
  const app = await api.app("Read-only");
  const endpoint = await api.endpoint(app, { url: receiver.url });
  const message = await api.publish(app, "invoice.paid", { n: 1 });
  await expect.poll(() => receiver.received.length).toBe(1);
  const { link, token } = await api.portal(app, { readOnly: true });
  await page.goto(link);
  await expect(page.getByText("Read-only", { exact: true })).toBeVisible();
  await expect(page.getByRole("link", { name: "Add endpoint" })).toHaveCount(0);
  await page.getByRole("link", { name: receiver.url }).click();
  await expect(page.getByRole("tab", { name: "Details" })).toBeVisible();
  const writing = /Send example|Disable|More actions|Reveal|Rotate|Send again|Resend|Publish/;
  await expect(page.getByRole("button", { name: writing })).toHaveCount(0);
  for (const tab of ["Recover", "Details"]) {
    await page.getByRole("tab", { name: tab }).click();
    await expect(page.getByRole("button", { name: writing })).toHaveCount(0);
  }
  await page.goto(`${server.url}/portal/messages/${message}`);
  await expect(page.getByText("Attempt 1")).toBeVisible();
  await expect(page.getByRole("button", { name: writing })).toHaveCount(0);

  const customer = server.api(token);
  const at = `/app/${app}/endpoint/${endpoint}`;
  for (const [method, path, body] of [
    ["POST", `/app/${app}/endpoint`, { url: receiver.url }],
    ["PATCH", at, { disabled: true }],
    ["DELETE", at, undefined],
    ["GET", `${at}/secret`, undefined],
    ["POST", `${at}/secret/rotate`, {}],
    ["POST", `${at}/send-example`, { eventType: "svix.ping" }],
    ["POST", `${at}/recover`, { since: new Date(Date.now() - 60_000).toISOString() }],
    ["POST", `/app/${app}/msg/${message}/endpoint/${endpoint}/resend`, {}],
    ["POST", `/app/${app}/msg`, { eventType: "x", payload: {} }],
  ] as const) {
    expect((await customer.ask(method, path, body)).status, `${method} ${path}`).toBe(403);
  }
  expect((await customer.ask("GET", at)).status).toBe(200);
});

test("another tenant's ids show nothing", async ({ page, server, receiver }) => {
  const api = server.api();
  const [mine, theirs] = [await api.app("Mine"), await api.app("Theirs")];
  const endpoint = await api.endpoint(theirs, { url: receiver.url, description: "Top secret" });
  const message = await api.publish(theirs, "secret.event", { secret: "top" });
  const { link, token } = await api.portal(mine);
  await page.goto(link);
  await expect(page.getByText("No endpoints yet")).toBeVisible();
  for (const path of [
    `endpoints/${endpoint}`,
    `endpoints/${endpoint}/edit`,
    `messages/${message}`,
  ]) {
    await page.goto(`${server.url}/portal/${path}`);
    await expect(page.getByText("This could not be loaded")).toBeVisible();
    await expect(page.getByText(/Top secret|secret\.event/)).toHaveCount(0);
  }
  const customer = server.api(token);
  for (const path of [
    `/app/${theirs}`,
    `/app/${theirs}/endpoint/${endpoint}`,
    `/app/${mine}/endpoint/${endpoint}`,
    `/app/${mine}/msg/${message}`,
    `/app/${theirs}/msg/search`,
    `/stats/timeseries?app=${theirs}`,
    `/app/${theirs}/events/live`,
  ]) {
    expect((await customer.ask("GET", path)).status, path).toBe(404);
  }
  // The console is not for them.
  await page.goto(`${server.url}/console/overview`);
  await expect(page.getByLabel("API key")).toBeVisible();
});

test("ending all sessions of a customer shuts the open portal at once", async ({
  page,
  server,
}) => {
  const api = server.api();
  const app = await api.app("Expire all");
  const { link } = await api.portal(app);
  await page.goto(link);
  await expect(page.getByText("No endpoints yet")).toBeVisible();
  await api.post(`/auth/app/${app}/expire-all`);
  await expect(page.getByText("Your session has ended.")).toBeVisible({ timeout: 20_000 });
  await page.reload();
  await expect(page.getByText("Open this page from your provider's site")).toBeVisible();
});
