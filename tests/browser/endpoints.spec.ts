import { expect, test } from "./support/test";

/** More than one answer of the API holds, of endpoints as of figures. */
const OTHERS = 255;
const PAGE = 50;

test("an endpoint is found with its health and deliveries however many others there are", async ({
  page,
  server,
  receiver,
}) => {
  test.setTimeout(120_000);
  const api = server.api();
  const app = await api.app("Very many endpoints");
  const oldest = await api.endpoint(app, { url: receiver.url });
  for (let n = 0; n < OTHERS; n += 1) {
    await api.endpoint(app, { url: `https://receiver-${n}.example.com/`, disabled: true });
  }
  const message = await api.publish(app, "a", {});
  await expect.poll(() => receiver.received.length).toBe(1);
  const { link } = await api.portal(app);
  await page.goto(link);
  for (let shown = PAGE; shown <= OTHERS; shown += PAGE) {
    await expect(page.getByRole("row")).toHaveCount(1 + shown);
    await page.getByRole("button", { name: "Show more" }).click();
  }
  const row = page.getByRole("row").filter({ hasText: receiver.url });
  // Figures are rolled up once a second, and asked for again by themselves.
  await expect(row.getByText("Healthy")).toBeVisible({ timeout: 40_000 });
  await expect(row.getByText("100 %")).toBeVisible();
  await page.goto(`${server.url}/portal/endpoints/${oldest}`);
  await expect(page.locator("header").getByText("Healthy")).toBeVisible();

  // Its delivery is the last of them all.
  await page.goto(`${server.url}/portal/messages/${message}`);
  const destinations = page.getByRole("region", { name: /^http/ });
  for (const shown of [100, 200]) {
    await expect(destinations).toHaveCount(shown);
    await page.getByRole("button", { name: "Show more" }).click();
  }
  await expect(destinations).toHaveCount(1 + OTHERS);

  // And messages can be asked for by it.
  await page.goto(`${server.url}/portal/messages?endpoint=${oldest}`);
  const filter = page.getByLabel("Endpoint");
  await expect(filter).toHaveValue(oldest);
  await page.getByRole("button", { name: "Offer more" }).click();
  await expect(filter.getByRole("option")).toHaveCount(2 + 2 * PAGE);
  await expect(page.getByRole("link", { name: "a", exact: true })).toBeVisible();
});
