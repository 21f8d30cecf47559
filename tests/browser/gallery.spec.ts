import { expect, test } from "./support/test";

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
    const path = info.outputPath(`gallery-${colorScheme}.png`);
    const picture = await page.screenshot({ path, fullPage: true });
    await info.attach(`gallery-${colorScheme}`, { path, contentType: "image/png" });
    // A page that did not draw is a few kilobytes of one colour.
    expect(picture.length).toBeGreaterThan(100_000);
  });
}
