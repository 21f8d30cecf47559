import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Server } from "./support/server";
import { expect, test } from "./support/test";

const EXAMPLE = fileURLToPath(
  new URL("../../dashboard/examples/embed/server.mjs", import.meta.url),
);

/** Starts the example as its first lines say; gives where it is. */
async function product(server: Server): Promise<{ child: ChildProcess; origin: string }> {
  const env = { ...process.env, POSTRIDER_URL: server.url, POSTRIDER_KEY: server.key, PORT: "0" };
  const child = spawn(process.execPath, [EXAMPLE], { env, stdio: ["ignore", "pipe", "inherit"] });
  const origin = await new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      const url = /open (http:\/\/\S+)/.exec(chunk.toString())?.[1];
      if (url) resolve(url);
    });
    child.once("exit", (code) => reject(new Error(`the example ended with ${code}`)));
  });
  return { child, origin };
}

test("a product shows the portal in a frame, once the operator allows its origin", async ({
  page,
  receiver,
  quiet,
}) => {
  const server = await Server.start();
  const { child, origin } = await product(server);
  try {
    const frame = page.frameLocator("iframe");
    await page.goto(origin);
    await expect(page.getByRole("heading", { name: "Webhooks" })).toBeVisible();
    // Chromium shows a page of its own instead, and says why in the console.
    await expect.poll(() => quiet.join()).toContain("frame-ancestors");
    await expect(frame.getByText("No endpoints yet")).toBeHidden();
    quiet.length = 0;

    const theme = { name: "Acme Webhooks", primaryColor: "#17324d", mode: "light" };
    await server.api().patch("/settings", { frameAncestors: [origin], theme });
    await page.goto(origin);
    await expect(frame.getByText("No endpoints yet")).toBeVisible();
    await expect(frame.getByText("Acme Webhooks")).toBeVisible();
    await frame.getByRole("link", { name: "Add endpoint" }).click();
    await frame.getByLabel("URL").fill(receiver.url);
    await frame.getByRole("button", { name: "Add endpoint" }).click();
    await expect(frame.getByRole("heading", { name: receiver.url })).toBeVisible();
    const accent = await frame
      .locator("html")
      .evaluate((html) => getComputedStyle(html).getPropertyValue("--accent"));
    expect(accent).toBe("#17324d");

    // Inside the frame a reload still may be framed.
    await frame.locator("html").evaluate(() => location.reload());
    await expect(frame.getByRole("heading", { name: receiver.url })).toBeVisible();
  } finally {
    child.kill();
    await server.stop();
  }
});
