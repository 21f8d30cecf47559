import type { Page } from "@playwright/test";
import { accessible, fits, keyboard, settled } from "./support/checks";
import { expect, signIn, test } from "./support/test";
import { consoleScreens, portalScreens, world } from "./support/world";

const NARROW = { width: 360, height: 740 };
const WIDE = { width: 1280, height: 860 };

/** A screen in both themes, wide and narrow, and by keyboard. */
async function inspect(page: Page, base: string, name: string, path: string) {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize(WIDE);
    await page.goto(base + path);
    await settled(page);
    await accessible(page, `${name}, ${colorScheme}`);
    await page.setViewportSize(NARROW);
    await fits(page, `${name}, ${colorScheme}`);
    await accessible(page, `${name}, ${colorScheme}, narrow`);
  }
  await page.setViewportSize(WIDE);
  await page.goto(base + path);
  await settled(page);
  await keyboard(page, name);
}

test("every screen of the console: axe, both themes, 360 px, keyboard", async ({
  page,
  server,
  receiver,
}) => {
  test.setTimeout(240_000);
  const api = server.api();
  const w = await world(server, receiver, "Acme Corp");
  await api.post("/operational-webhook/endpoint", { url: "https://ops.example.com/hooks" });
  const inbox = await api.post("/inbox", { appId: w.app });
  await fetch(inbox.url as string, { method: "POST", body: '{"hello":"world"}' });
  await signIn(page, server);
  for (const [name, path] of Object.entries(consoleScreens(w, inbox.id as string))) {
    await test.step(name, () => inspect(page, server.url, name, path));
  }
});

test("every screen of the portal: axe, both themes, 360 px, keyboard", async ({
  page,
  server,
  receiver,
}) => {
  test.setTimeout(240_000);
  const w = await world(server, receiver, "Globex");
  await page.goto(w.portal.link);
  await settled(page);
  for (const [name, path] of Object.entries(portalScreens(w))) {
    await test.step(name, () => inspect(page, server.url, name, path));
  }
});

test("the doors and the dialogs: axe in both themes", async ({ page, server, receiver }) => {
  test.setTimeout(120_000);
  const w = await world(server, receiver, "Initech");
  const inbox = await server.api().post("/inbox");
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.goto(`${server.url}/portal`);
    await expect(page.getByText("Open this page from your provider's site")).toBeVisible();
    await accessible(page, `portal's door, ${colorScheme}`);
    await page.goto(`${server.url}/`);
    await accessible(page, `console's door, ${colorScheme}`);
  }
  await signIn(page, server);
  const dialogs: [string, string][] = [
    ["/console/applications", "New application"],
    ["/console/keys", "New key"],
    ["/console/event-types", "Import OpenAPI"],
    [`/console/applications/${w.app}/endpoints`, "Portal link"],
    [`/console/applications/${w.app}/messages`, "Publish message"],
    [`/console/applications/${w.app}/endpoints/${w.endpoint}`, "Send example"],
    [`/console/applications/${w.app}/endpoints/${w.endpoint}`, "Disable"],
    [`/console/applications/${w.app}/endpoints/${w.endpoint}?tab=details`, "Rotate"],
    ["/console/operational", "Add endpoint"],
    [`/console/inbox/${inbox.id}`, "Register as endpoint"],
  ];
  for (const [path, button] of dialogs) {
    await page.goto(server.url + path);
    const opener = page.getByRole("button", { name: button }).first();
    await opener.click();
    await expect(page.getByRole("dialog")).toBeVisible();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await accessible(page, `${button}, ${colorScheme}`);
    }
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toBeHidden();
    await expect(opener, "the focus goes back").toBeFocused();
  }
});

test("an endpoint can be made with the keyboard alone", async ({ page, server, receiver }) => {
  const app = await server.api().app("Keyboard");
  const { link } = await server.api().portal(app);
  await page.goto(link);
  await expect(page.getByText("No endpoints yet")).toBeVisible();
  const tabTo = async (name: RegExp | string, role: "link" | "button" | "textbox") => {
    const target = page.getByRole(role, { name }).first();
    for (let step = 0; step < 40; step += 1) {
      if (await target.evaluate((element) => element === document.activeElement).catch(() => false))
        return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`Tab does not reach ${name}`);
  };
  await tabTo("Add endpoint", "link");
  await page.keyboard.press("Enter");
  await expect(page.getByLabel("URL")).toBeVisible();
  await tabTo("URL", "textbox");
  await page.keyboard.type(receiver.url);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: receiver.url })).toBeVisible();
  await tabTo("More actions", "button");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: "Edit" })).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("menuitem", { name: "Delete" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toContainText("Delete this endpoint?");
  await tabTo("Delete", "button");
  await page.keyboard.press("Enter");
  await expect(page.getByText("No endpoints yet")).toBeVisible();
});

test("the command palette goes anywhere by name", async ({ page, server }) => {
  await server.api().app("Palette & Sons");
  await signIn(page, server);
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox")).toBeFocused();
  await page.keyboard.type("palette");
  await expect(page.getByRole("option", { name: /Palette & Sons/ })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByText("No endpoints yet")).toBeVisible();
});
