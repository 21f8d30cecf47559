import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/** Waits until nothing is loading any more. */
export async function settled(page: Page) {
  await expect(page.locator("main")).toBeVisible();
  // The gallery shows the loading state for good.
  if (!page.url().endsWith("/gallery")) {
    await expect(page.getByRole("status").filter({ hasText: "Loading" })).toHaveCount(0);
  }
  await page.evaluate(() => document.fonts.ready);
}

/** axe finds nothing, contrast included. */
export async function accessible(page: Page, where: string) {
  const found = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
    .analyze();
  const said = found.violations.map(
    (one) =>
      `${one.id}: ${one.nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n  ")}`,
  );
  expect(said, where).toEqual([]);
}

/** Nothing stands out to the right of the window. */
export async function fits(page: Page, where: string) {
  const over = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    return document.documentElement.scrollWidth > width ? document.documentElement.scrollWidth : 0;
  });
  expect(over, `${where} is wider than the window`).toBe(0);
}

interface Stop {
  name: string;
  ringed: boolean;
}

/**
 * Goes through the page by Tab: every control is reached, and wherever the focus is can be seen.
 * A control that cannot be reached, or a trap, shows as a missing stop.
 */
export async function keyboard(page: Page, where: string) {
  const wanted = await page.evaluate(() => {
    const all = document.querySelectorAll<HTMLElement>(
      "a[href], button:not(:disabled), input:not(:disabled), select, textarea, summary",
    );
    let last = "";
    return [...all].filter((element) => {
      if (!element.checkVisibility({ visibilityProperty: true }) || element.closest("[inert]"))
        return false;
      if (element.tabIndex < 0) return false;
      // Of radio buttons of one name, one is a stop.
      if (element instanceof HTMLInputElement && element.type === "radio") {
        const isNew = element.name !== last;
        last = element.name;
        return isNew;
      }
      return true;
    }).length;
  });
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  const seen = new Set<string>();
  let last = "";
  for (let step = 0; step < wanted + 40; step += 1) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate((): Stop | null => {
      const element = document.activeElement as HTMLElement | null;
      if (!element || element === document.body) return null;
      element.dataset.stop ??= String(document.querySelectorAll("[data-stop]").length);
      const ringOf = (one: Element | null) =>
        one !== null && getComputedStyle(one).outlineStyle !== "none";
      // Hidden radio buttons show their ring on the label, fields without one on their frame.
      const ringed =
        ringOf(element) || ringOf(element.closest("label")) || ringOf(element.parentElement);
      const isControl = element.matches("a, button, input, select, textarea, summary");
      return {
        name: isControl ? `control ${element.dataset.stop}` : `area ${element.dataset.stop}`,
        ringed: ringed || element.matches("main"),
      };
    });
    if (stop === null) break;
    // A date has a stop for each of its parts; round again at the first one, it is over.
    if (stop.name === last) continue;
    last = stop.name;
    if (seen.has(stop.name)) break;
    seen.add(stop.name);
    expect(stop.ringed, `${where}: ${await focused(page)} has the focus and does not show it`).toBe(
      true,
    );
  }
  const controls = [...seen].filter((name) => name.startsWith("control")).length;
  expect(controls, `${where}: controls that Tab reaches`).toBeGreaterThanOrEqual(wanted);
}

const focused = (page: Page) =>
  page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200) ?? "nothing");
