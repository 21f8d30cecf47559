import { Server } from "./support/server";
import { expect, signIn, test } from "./support/test";

test("the portal's look is previewed as it is typed, and is what the customer then sees", async ({
  page,
}) => {
  const server = await Server.start();
  try {
    await signIn(page, server);
    await page.getByRole("link", { name: "Settings" }).click();
    const preview = page.getByRole("region", { name: "Preview" });
    const token = (face: string, name: string) =>
      preview
        .locator(`[data-face="${face}"]`)
        .evaluate((box, of) => getComputedStyle(box).getPropertyValue(of), name);
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("Acme Webhooks");
    await page.getByRole("textbox", { name: "Accent colour", exact: true }).fill("#17324d");
    await expect(preview.getByText("Acme Webhooks")).toHaveCount(2);
    await expect.poll(() => token("light", "--accent")).toBe("#17324d");

    // A background that fits one theme alone, and one that is no colour.
    await page.getByRole("textbox", { name: "Background", exact: true }).fill("#102030");
    await expect(page.getByText("Used in the dark theme;")).toBeVisible();
    await expect.poll(() => token("dark", "--bg")).toBe("#102030");
    expect(await token("light", "--bg")).not.toBe("#102030");
    await page.getByRole("textbox", { name: "Text colour", exact: true }).fill("reddish");
    await expect(page.getByText("Give a colour such as #4f46e5.")).toBeVisible();
    await expect(page.getByRole("button", { name: "Save changes" }).first()).toBeDisabled();
    await page.getByRole("textbox", { name: "Text colour", exact: true }).fill("");
    await page.getByText("Dark", { exact: true }).first().click();
    await expect(preview.getByText("Acme Webhooks")).toHaveCount(1);
    await page.getByRole("button", { name: "Save changes" }).first().click();
    await expect(page.getByText("Changes saved")).toBeVisible();

    const app = await server.api().app("Sees the theme");
    const { link } = await server.api().portal(app);
    await page.evaluate(() => sessionStorage.clear());
    await page.goto(link);
    await expect(page.getByText("Acme Webhooks")).toBeVisible();
    const html = page.locator("html");
    await expect(html).toHaveAttribute("data-theme", "dark");
    const background = await html.evaluate((root) =>
      getComputedStyle(root).getPropertyValue("--bg"),
    );
    expect(background).toBe("#102030");
  } finally {
    await server.stop();
  }
});

test("when failed attempts are repeated can be settled for all endpoints", async ({ page }) => {
  const server = await Server.start();
  try {
    await signIn(page, server);
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByLabel("When a delivery fails").selectOption("A schedule of your own");
    await page.getByLabel("Delays").fill("never");
    await expect(page.getByText("“never” is no length of time.")).toBeVisible();
    await page.getByLabel("Delays").fill("1 min, 1 h");
    await page.getByRole("button", { name: "Save changes" }).last().click();
    await expect(page.getByText("Changes saved")).toBeVisible();
    const policy = async () => (await server.api().get("/settings")).retryPolicy;
    expect(await policy()).toEqual({ type: "schedule", seconds: [60, 3_600] });
    await page.reload();
    await expect(page.getByLabel("Delays")).toHaveValue("1 min, 1 h");
    await page.getByLabel("When a delivery fails").selectOption("The server's default");
    await page.getByRole("button", { name: "Save changes" }).last().click();
    await expect.poll(policy).toBeNull();
  } finally {
    await server.stop();
  }
});
