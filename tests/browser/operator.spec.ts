import { Server } from "./support/server";
import { expect, signIn, test } from "./support/test";

/** More than a page of any list shows. */
const OTHERS = 60;

test("among many applications one is found by name or uid: in the list, for an inbox, for a key", async ({
  page,
}) => {
  const server = await Server.start();
  try {
    const api = server.api();
    const wanted = await api.post("/app", { name: "Wayne Enterprises", uid: "wayne-01" });
    for (let n = 0; n < OTHERS; n += 1) await api.app(`Customer ${n}`);
    await signIn(page, server);

    await page.getByRole("link", { name: "Applications" }).click();
    await expect(page.getByRole("link", { name: "Customer 59" })).toBeVisible();
    await expect(page.getByRole("link", { name: "Wayne Enterprises" })).toBeHidden();
    const search = page.getByRole("searchbox", { name: "Search by name, uid or id" });
    for (const text of ["enterprises", "WAYNE-0", wanted.id as string]) {
      await search.fill(text);
      await expect(page.getByRole("link", { name: "Wayne Enterprises" })).toBeVisible();
      await expect(page.getByRole("link", { name: /^Customer/ })).toHaveCount(0);
    }
    await expect(page).toHaveURL(/q=app_/);
    await search.fill("nobody of that name");
    await expect(page.getByText("No application matches")).toBeVisible();

    await page.keyboard.press("Control+k");
    await expect(page.getByRole("combobox")).toBeFocused();
    await page.keyboard.type("wayne-01");
    await expect(page.getByRole("option", { name: /Wayne Enterprises/ })).toBeVisible();
    await page.keyboard.press("Escape");

    // An inbox is registered with it, and follows its endpoint's secrets.
    const inbox = await api.post("/inbox");
    await page.goto(`${server.url}/console/inbox/${inbox.id}`);
    await expect(page.getByText("Nothing is checked yet.")).toBeVisible();
    await page.getByRole("button", { name: "Register as endpoint" }).first().click();
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByText("There are more: search for the others.")).toBeVisible();
    await expect(dialog.getByRole("button", { name: "Register as endpoint" })).toBeDisabled();
    await dialog.getByRole("searchbox").fill("wayne");
    await dialog.getByText("Wayne Enterprises").click();
    await dialog.getByRole("button", { name: "Register as endpoint" }).click();
    await expect(page.getByRole("heading", { name: /\/inbox\// })).toBeVisible();
    const { endpointId } = await api.get(`/inbox/${inbox.id}`);
    await api.post(`/app/wayne-01/endpoint/${endpointId}/secret/rotate`, {
      gracePeriodSeconds: 0,
    });
    await api.publish("wayne-01", "user.created", { n: 1 });
    await page.goto(`${server.url}/console/inbox/${inbox.id}`);
    await expect(page.getByText("Verified", { exact: true }).first()).toBeVisible();
    await expect(page.getByText("also after a rotation")).toBeVisible();

    // A key for it alone.
    await page.getByRole("link", { name: "API keys" }).click();
    await page.getByRole("button", { name: "New key" }).click();
    await dialog.getByLabel("Name").fill("Wayne's own");
    await dialog.getByLabel("Only for one application").check();
    await expect(dialog.getByRole("button", { name: "Create" })).toBeDisabled();
    await dialog.getByRole("searchbox").fill("wayne");
    await dialog.getByText("Wayne Enterprises").click();
    await dialog.getByRole("button", { name: "Create" }).click();
    const region = dialog.getByRole("region", { name: "Wayne's own" });
    await expect(region).toContainText(/prk_\w+/);
    const key = (await region.textContent()) ?? "";
    expect((await server.api(key).ask("GET", `/app/${wanted.id}`)).status).toBe(200);
    expect((await server.api(key).ask("GET", "/app")).status).toBe(403);
  } finally {
    await server.stop();
  }
});
