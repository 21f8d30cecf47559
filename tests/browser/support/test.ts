import { test as base, expect, type Locator, type Page } from "@playwright/test";
import { Receiver } from "./receiver";
import { Server } from "./server";

interface Worlds {
  server: Server;
}

interface Things {
  receiver: Receiver;
  /** Nothing may be written to the browser's console as an error, and no policy be broken. */
  quiet: string[];
}

/** A server per worker, a receiver per test, and pages that keep quiet. */
export const test = base.extend<Things, Worlds>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: the library wants a pattern here
    async ({}, use) => {
      const server = await Server.start();
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],
  // biome-ignore lint/correctness/noEmptyPattern: the library wants a pattern here
  receiver: async ({}, use) => {
    const receiver = await Receiver.start();
    await use(receiver);
    receiver.stop();
  },
  quiet: [
    async ({ page }, use) => {
      const said: string[] = [];
      listen(page, said);
      await use(said);
      expect(said, "the page complained").toEqual([]);
    },
    { auto: true },
  ],
});

/** What a test expects the server to refuse shows in the console too; it is told by its status. */
function listen(page: Page, said: string[]) {
  page.on("pageerror", (error) => said.push(error.message));
  page.on("console", (message) => {
    const isRefusal = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isRefusal) said.push(message.text());
  });
}

/** Signs in as an operator, with the key typed in. */
export async function signIn(page: Page, server: Server) {
  await page.goto(`${server.url}/`);
  await page.getByLabel("API key").fill(server.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
}

/** The words of a part of the page, as they are written. */
export async function textOf(part: Locator): Promise<string> {
  return (await part.textContent()) ?? "";
}

export { expect };
