import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { settled } from "./support/checks";
import { binary, Server } from "./support/server";
import { signIn, test } from "./support/test";
import { world } from "./support/world";

const IMAGES = fileURLToPath(new URL("../../docs/images/", import.meta.url));

// UPDATE_IMAGES=1 npx playwright test images
test.skip(!process.env.UPDATE_IMAGES, "writes docs/images when asked to");

/** A database as a busy installation has it. */
function seeded(dir: string): string {
  const url = `sqlite://${join(dir, "postrider.db")}`;
  const numbers = ["--applications", "40", "--endpoints", "90", "--attempts", "40000"];
  execFileSync(join(dirname(binary()), "xtask"), [
    "seed",
    ...["--database-url", url, "--days", "7"],
    ...numbers,
  ]);
  return url;
}

test("the pictures of the documentation", async ({ page, receiver }) => {
  test.setTimeout(180_000);
  const dir = mkdtempSync(join(tmpdir(), "postrider-images-"));
  const server = await Server.start({ POSTRIDER_DATABASE_URL: seeded(dir) });
  try {
    const api = server.api();
    const w = await world(server, receiver, "Acme Corp");
    for (let n = 0; n < 60; n += 1) {
      receiver.answer = n % 9 === 4 ? 503 : 200;
      await api.publish(w.app, "invoice.paid", { id: `in_${n}`, amount: 100 * n });
      await page.waitForTimeout(60);
    }
    receiver.answer = 200;
    await page.waitForTimeout(8_000);
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await signIn(page, server);
    const app = `/console/applications/${w.app}`;
    for (const [name, path, colorScheme] of [
      ["overview", "/console/overview", "light"],
      ["endpoint", `${app}/endpoints/${w.endpoint}`, "light"],
      ["messages", `${app}/messages`, "dark"],
      ["message", `${app}/messages/${w.message}`, "light"],
      ["settings", "/console/settings", "dark"],
    ] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.goto(server.url + path);
      await settled(page);
      await page.waitForTimeout(500);
      await page.screenshot({ path: `${IMAGES}${name}.png` });
    }
    await page.setViewportSize({ width: 1000, height: 640 });
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await page.goto(w.portal.link);
    await settled(page);
    await page.waitForTimeout(500);
    await page.screenshot({ path: `${IMAGES}portal.png` });
  } finally {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  }
});
