import type { Page, TestInfo } from "@playwright/test";
import { expect, test } from "./support/test";

/** A picture of what is there, kept with the test's results. */
async function photograph(page: Page, info: TestInfo, name: string, fullPage = false) {
  const path = info.outputPath(`${name}.png`);
  const picture = await page.screenshot({ path, fullPage });
  await info.attach(name, { path, contentType: "image/png" });
  return picture;
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`the gallery of all components is photographed, ${colorScheme}`, async ({
    page,
    server,
  }, info) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.goto(`${server.url}/console/gallery`);
    await expect(
      page.getByRole("heading", { name: "Every component in every state" }),
    ).toBeVisible();
    await page.evaluate(() => document.fonts.ready);
    const families = await page.evaluate(() =>
      [...document.fonts].filter((font) => font.status === "loaded").map((font) => font.family),
    );
    expect(families.join()).toMatch(
      /Inter Variable.*JetBrains Mono|JetBrains Mono.*Inter Variable/,
    );
    const picture = await photograph(page, info, `gallery-${colorScheme}`, true);
    // A page that did not draw is a few kilobytes of one colour.
    expect(picture.length).toBeGreaterThan(100_000);

    // What comes and goes.
    await page.getByRole("button", { name: "Table" }).first().click();
    await expect(page.getByRole("table", { name: "Bars" })).toBeVisible();
    await photograph(page, info, `chart-table-${colorScheme}`);
    await page.getByRole("button", { name: "Reveal" }).click();
    await expect(page.getByText("whsec_example")).toBeVisible();
    await photograph(page, info, `revealed-${colorScheme}`);
    for (const [button, shown] of [
      ["Dialog", "A dialog"],
      ["Drawer", "A drawer"],
      ["Confirm", "Delete it?"],
    ] as const) {
      await page.getByRole("button", { name: button, exact: true }).click();
      await expect(page.getByRole("dialog", { name: shown })).toBeVisible();
      await photograph(page, info, `${button}-${colorScheme}`);
      await page.keyboard.press("Escape");
      await expect(page.getByRole("dialog")).toBeHidden();
    }
    await page.getByRole("button", { name: "Menu" }).click();
    await expect(page.getByRole("menuitem", { name: "Not now" })).toBeVisible();
    await photograph(page, info, `menu-${colorScheme}`);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Toast", exact: true }).click();
    await page.getByRole("button", { name: "Bad toast" }).click();
    await expect(page.getByText("It could not be done")).toBeVisible();
    await photograph(page, info, `toasts-${colorScheme}`);
  });
}
