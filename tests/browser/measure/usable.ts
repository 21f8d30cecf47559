import type { Page } from "@playwright/test";

declare global {
  interface Window {
    usableAt?: number;
  }
}

/**
 * Notes in each page, from its request on, when it was last made usable: its heading and its
 * content stand in `main`, nothing there is on its way, and the browser is free for input again.
 */
export async function watch(page: Page): Promise<void> {
  await page.addInitScript(() => {
    let usable = false;
    const look = () => {
      const main = document.querySelector("main");
      const now =
        main !== null &&
        main.querySelector("h1") !== null &&
        main.querySelector(".skeleton, [aria-busy=true]") === null &&
        main.querySelector("a[href], button, input, select, table, pre, p") !== null;
      if (now && !usable) {
        // After the frame that shows it, once nothing is being worked on any more.
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => {
            window.usableAt = performance.now();
          };
          port2.postMessage(null);
        });
      }
      usable = now;
    };
    new MutationObserver(look).observe(document, {
      subtree: true,
      childList: true,
      attributes: true,
    });
  });
}

/** Milliseconds from the request of the address until its screen was usable. */
export async function usable(page: Page, address: string): Promise<number> {
  await page.goto("about:blank");
  await page.goto(address);
  await page
    .waitForFunction(() => window.usableAt !== undefined, undefined, { timeout: 20_000 })
    .catch(() => {
      throw new Error(`${address} is not usable after 20 s`);
    });
  // What comes late would have made it unusable once more, and later usable.
  await page.waitForTimeout(500);
  const at = await page.evaluate(() => window.usableAt ?? Number.NaN);
  const failed = await page.getByRole("alert").allTextContents();
  if (failed.length > 0) throw new Error(`${address} failed: ${failed.join(" ")}`);
  await page.keyboard.press("Tab");
  const answers = await page.evaluate(() => document.activeElement !== document.body);
  if (!answers) throw new Error(`${address} does not answer the Tab key`);
  return at;
}
