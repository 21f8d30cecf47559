import { Server } from "./support/server";
import { expect, signIn, test } from "./support/test";

const DOCUMENT = `openapi: 3.1.0
info: { title: Invoices, version: "1" }
webhooks:
  invoice.paid:
    post: { description: Paid in full }
  invoice.voided:
    post: { description: Of no value any more }
`;

test("an import says first what it would make, change and archive, and then does it", async ({
  page,
}) => {
  const server = await Server.start();
  try {
    const api = server.api();
    await api.eventType("invoice.paid");
    await api.eventType("user.created");
    await signIn(page, server);
    await page.getByRole("link", { name: "Event types" }).click();
    await page.getByRole("button", { name: "Import OpenAPI" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("OpenAPI document").fill("openapi: 3.1.0");
    await dialog.getByRole("button", { name: "Preview" }).click();
    await expect(dialog.getByText(/webhooks/).last()).toBeVisible();

    await dialog.getByLabel("OpenAPI document").fill(DOCUMENT);
    await dialog.getByLabel("Archive all event types").check();
    await dialog.getByRole("button", { name: "Preview" }).click();
    await expect(dialog.getByText("3 event types would change")).toBeVisible();
    await expect(dialog.getByRole("listitem")).toHaveText([
      /invoice\.paid.*Changed/,
      /invoice\.voided.*New/,
      /user\.created.*Archived/,
    ]);
    await dialog.getByRole("button", { name: "Import" }).click();
    await expect(page.getByText("3 event types changed")).toBeVisible();
    await expect(page.getByRole("link", { name: "invoice.voided" })).toBeVisible();
    await expect(page.getByRole("link", { name: "user.created" })).toBeHidden();

    await page.getByRole("button", { name: "Import OpenAPI" }).click();
    await dialog.getByLabel("OpenAPI document").fill(DOCUMENT);
    await dialog.getByRole("button", { name: "Preview" }).click();
    await expect(dialog.getByText("Nothing would change")).toBeVisible();
  } finally {
    await server.stop();
  }
});
