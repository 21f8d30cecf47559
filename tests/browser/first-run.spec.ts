import { Server } from "./support/server";
import { expect, test } from "./support/test";

test("from the first start to the first verified delivery in the inbox, in the browser alone", async ({
  page,
}) => {
  const server = await Server.start();
  try {
    await page.goto(server.link());
    await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
    await expect(page).not.toHaveURL(/code/);

    await page.getByRole("link", { name: "New application" }).click();
    await page.getByRole("button", { name: "New application" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Acme Corp");
    await dialog.getByLabel("Uid").fill("acme");
    await dialog.getByRole("button", { name: "Create" }).click();
    await expect(page.getByText("No endpoints yet")).toBeVisible();

    await page.getByRole("link", { name: "Inbox" }).click();
    await page.getByRole("button", { name: "New inbox" }).first().click();
    await expect(page.getByText("Waiting for the first request")).toBeVisible();
    const inbox = page.url();
    await page.getByRole("button", { name: "Register as endpoint" }).first().click();
    await page.getByRole("dialog").getByRole("button", { name: "Register as endpoint" }).click();
    await expect(page.getByRole("heading", { name: /\/inbox\// })).toBeVisible();

    await page.getByRole("button", { name: "Send example" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Send", exact: true }).click();
    await expect(page.getByText("On its way")).toBeVisible();
    await page.getByRole("dialog").getByRole("button", { name: "Done" }).click();

    await page.goto(inbox);
    await expect(page.getByText("Verified").first()).toBeVisible();
    await expect(page.getByText("webhook-signature: v1,")).toBeVisible();

    // Another one appears without a reload.
    const api = server.api();
    await api.publish("acme", "invoice.paid", { invoice: "in_42" });
    await expect(page.getByText("in_42")).toBeVisible();

    // The link is used up.
    await page.evaluate(() => sessionStorage.clear());
    await page.goto("about:blank");
    await page.goto(server.link());
    await expect(page.getByText("This link was used already")).toBeVisible();
  } finally {
    await server.stop();
  }
});
