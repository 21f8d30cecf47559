import crypto from "node:crypto";
import { runProgram } from "./support/programs";
import { expect, test, textOf } from "./support/test";

test("a customer creates an endpoint, reveals and rotates its secret, sends, and replays", async ({
  page,
  server,
  receiver,
}) => {
  const api = server.api();
  await api.eventType("invoice.paid").catch(() => undefined);
  const app = await api.app("Creates, reveals, rotates");
  const { link } = await api.portal(app);
  await page.goto(link);
  await expect(page.getByText("No endpoints yet")).toBeVisible();
  await expect(page).not.toHaveURL(/code/);

  // Create: the URL is checked as it is typed.
  await page.getByRole("link", { name: "Add endpoint" }).click();
  const url = page.getByLabel("URL");
  await url.pressSequentially("ftp://x");
  await expect(page.getByText("Only http and https can be delivered to.")).toBeVisible();
  await url.fill(receiver.url);
  await expect(page.getByText("This address is on the server's own machine.")).toBeVisible();
  await page.getByLabel("Description").fill("Billing");
  await page.getByLabel("Search events").fill("invoice");
  await page.getByRole("checkbox", { name: /invoice\.paid/ }).check();
  await page.getByRole("button", { name: "Add endpoint" }).click();
  await expect(page.getByRole("heading", { name: receiver.url })).toBeVisible();

  // Reveal, and mask again.
  await page.getByRole("tab", { name: "Details" }).click();
  const secret = page.getByTestId("secret");
  await expect(secret).not.toContainText(/whsec_\w/);
  await page.getByRole("button", { name: "Reveal" }).click();
  await expect(secret).toContainText(/^whsec_[\w+/=]{20,}$/);
  const before = await textOf(secret);
  await page.getByRole("button", { name: "Hide" }).click();
  await expect(secret).not.toContainText(before);

  // Rotate: the old one goes on signing for a while, and the page says until when.
  await page.getByRole("button", { name: "Rotate" }).click();
  await page.getByLabel("The old secret signs for another").selectOption({ label: "hour" });
  await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
  await expect(page.getByText("The old secret still signs beside the new one until")).toBeVisible();
  await expect(page.getByText(/in (59|60) min\.|in 1 hr\./)).toBeVisible();
  await page.getByRole("button", { name: "Reveal" }).click();
  await expect(secret).toContainText(/^whsec_[\w+/=]{20,}$/);
  const after = await textOf(secret);
  expect(after).not.toBe(before);

  // Send an example: it arrives signed with both.
  await page.getByRole("button", { name: "Send example" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Event type").selectOption("invoice.paid");
  await expect(dialog.getByLabel("Payload")).toHaveValue(/in_1/);
  await dialog.getByRole("button", { name: "Send", exact: true }).click();
  await dialog.getByRole("link", { name: "See the delivery" }).click();
  await expect(page.getByRole("heading", { name: "invoice.paid" })).toBeVisible();
  await expect(
    page.getByRole("region", { name: receiver.url }).getByText("Succeeded").first(),
  ).toBeVisible();
  expect(receiver.received).toHaveLength(1);
  const { headers, body } = receiver.nth(0);
  for (const one of [before, after]) {
    const key = Buffer.from(one.replace("whsec_", ""), "base64");
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    const mac = crypto.createHmac("sha256", key).update(signed).digest("base64");
    expect(headers["webhook-signature"]).toContain(`v1,${mac}`);
  }

  // "Verify this": the code that the page shows checks this very signature.
  await page.getByRole("tab", { name: "Verify this" }).click();
  await page.getByText("Python", { exact: true }).click();
  const code = await textOf(page.getByRole("region", { name: "Python" }));
  expect(runProgram("Python", code, after).out).toBe(`verified: ${headers["webhook-id"]}\n`);

  // Replay everything of the last hour.
  await page.getByRole("link", { name: receiver.url }).click();
  await page.getByRole("tab", { name: "Recover" }).click();
  await page.getByText("Everything", { exact: true }).click();
  await page.getByRole("button", { name: "Last hour" }).click();
  await expect(page.getByText("1 message would be sent again")).toBeVisible();
  await page.getByRole("button", { name: "Send again" }).click();
  await expect(page.getByText("1 sent")).toBeVisible();
  await expect.poll(() => receiver.received.length).toBe(2);
  expect(receiver.received[1]?.headers["webhook-id"]).toBe(headers["webhook-id"]);

  // Signing out ends the session, at the API too.
  const token = await page.evaluate(
    () => JSON.parse(sessionStorage.getItem("postrider.portal") ?? "{}").token as string,
  );
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByText("You are signed out.")).toBeVisible();
  expect((await server.api(token).ask("GET", "/auth/whoami")).status).toBe(401);
});

test("disabling says what was missed, and enabling can send it", async ({
  page,
  server,
  receiver,
}) => {
  const api = server.api();
  const app = await api.app("Disables");
  await api.endpoint(app, { url: receiver.url });
  const { link } = await api.portal(app);
  await page.goto(link);
  await page.getByRole("link", { name: receiver.url }).click();
  await page.getByRole("button", { name: "Disable" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await expect(page.getByText("Disabled by a person")).toBeVisible();
  await api.publish(app, "invoice.paid", { n: 1 });
  await api.publish(app, "invoice.paid", { n: 2 });
  await page.reload();
  await expect(page.getByText("2 messages were missed meanwhile. What was")).toBeVisible();
  await page.getByRole("button", { name: "Enable" }).click();
  await expect(
    page.getByRole("dialog").getByText("2 messages were missed meanwhile."),
  ).toBeVisible();
  await page.getByRole("dialog").getByRole("button", { name: "Enable" }).click();
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(page.getByText("Disabled by a person")).toBeHidden();
  await expect.poll(() => receiver.received.length).toBe(2);
});
