import { expect, test } from "./support/test";

test("the retries of a failing receiver appear by themselves, with their reason and the next one's time", async ({
  page,
  server,
  receiver,
}) => {
  const api = server.api();
  const app = await api.app("Retries");
  receiver.answer = 503;
  const retryPolicy = { type: "schedule", seconds: [2, 2, 3600] };
  await api.endpoint(app, { url: receiver.url, retryPolicy });
  const { link } = await api.portal(app);
  await page.goto(link);
  await page.getByRole("link", { name: "Messages" }).click();
  await expect(page.getByText("No messages yet")).toBeVisible();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();

  // The message appears in the list that is open.
  const message = await api.publish(app, "invoice.paid", { n: 1 });
  await page.getByRole("link", { name: "invoice.paid" }).click();
  await expect(page).toHaveURL(new RegExp(message));

  const timeline = page.getByRole("region", { name: receiver.url });
  await expect(timeline.getByText("Attempt 1")).toBeVisible();
  await expect(timeline.getByText("Retrying")).toBeVisible();
  await expect(timeline.getByText("It says that it is overloaded or down.")).toBeVisible();
  await expect(timeline.getByText("by the retry schedule")).toBeVisible();
  await expect(timeline.getByText("Attempt 2")).toBeVisible();
  await expect(timeline.getByText("Attempt 3")).toBeVisible();
  await expect(
    timeline.getByText(/Next attempt in (59|60) min\.|Next attempt in 1 hr\./),
  ).toBeVisible();

  // Repaired, a resend by hand settles it.
  receiver.answer = 200;
  await timeline.getByRole("button", { name: "Resend" }).click();
  await expect(timeline.getByText("by hand")).toBeVisible();
  await expect(timeline.getByText("Succeeded").first()).toBeVisible();
  await expect(timeline.getByText("Retrying")).toBeHidden();
});

test("filters of the messages live in the address", async ({ page, server, receiver }) => {
  const api = server.api();
  const app = await api.app("Filters");
  await api.endpoint(app, { url: receiver.url });
  await api.publish(app, "invoice.paid", { n: 1 });
  await api.publish(app, "user.created", { n: 2 });
  const { link } = await api.portal(app);
  await page.goto(link);
  await page.getByRole("link", { name: "Messages" }).click();
  await expect(page.getByRole("link", { name: "user.created" })).toBeVisible();
  await page.getByRole("searchbox").fill("invoice.");
  await expect(page.getByRole("link", { name: "user.created" })).toBeHidden();
  await expect(page).toHaveURL(/q=invoice/);
  await page.reload();
  await expect(page.getByRole("searchbox")).toHaveValue("invoice.");
  await expect(page.getByRole("link", { name: "invoice.paid" })).toBeVisible();
  await expect(page.getByRole("link", { name: "user.created" })).toBeHidden();
  await page.getByLabel("Status").selectOption("exhausted");
  await expect(page.getByText("No message matches")).toBeVisible();
  await page.getByRole("button", { name: "Clear filters" }).first().click();
  await expect(page.getByRole("link", { name: "user.created" })).toBeVisible();
});
