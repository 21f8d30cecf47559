import crypto from "node:crypto";
import { expect, test } from "./support/test";

const SECRET = "what the receiver has had for years";

const hex = (secret: string, text: string) =>
  crypto.createHmac("sha256", secret).update(text).digest("hex");

test("an endpoint is made with another scheme and a schedule of its own, and later moves to the standard", async ({
  page,
  server,
  receiver,
}) => {
  const api = server.api();
  const app = await api.app("Signs as before");
  const { link } = await api.portal(app);
  await page.goto(link);
  await page.getByRole("link", { name: "Add endpoint" }).click();
  await page.getByLabel("URL").fill(receiver.url);
  await page.getByText("Signature", { exact: true }).click();
  await page.getByLabel("Signed as", { exact: true }).selectOption("As GitHub does");
  await page.getByLabel("Signature's header").fill("X-Acme-Signature");
  await page.getByLabel("Event type's header").fill("");
  await page.getByLabel("First secret").fill("too short");
  await expect(page.getByText("Give 16 to 256 bytes")).toBeVisible();
  await page.getByLabel("First secret").fill(SECRET);

  await page.getByText("Retries", { exact: true }).click();
  await page.getByLabel("When a delivery fails").selectOption("A schedule of your own");
  await page.getByLabel("Delays").fill("10 s, soon");
  await expect(page.getByText("“soon” is no length of time.")).toBeVisible();
  await page.getByLabel("Delays").fill("10 s, 5 min, 1h 30m");
  await expect(
    page.getByText("4 attempts, the last one 1 h 35 min 10 s after the first"),
  ).toBeVisible();
  const times = page.getByRole("list", { name: "Times of the attempts" }).getByRole("listitem");
  await expect(times).toHaveText(["at once", "10 s", "5 min 10 s", "1 h 35 min 10 s"]);
  await page.getByRole("button", { name: "Add endpoint" }).click();
  await expect(page.getByRole("heading", { name: receiver.url })).toBeVisible();
  const id = page.url().split("/").at(-1) ?? "";
  const at = `/app/${app}/endpoint/${id}`;
  expect((await api.get(at)).retryPolicy).toEqual({ type: "schedule", seconds: [10, 300, 5400] });

  // It signs with the secret that was given, under the names that were given.
  await api.publish(app, "invoice.paid", { n: 1 });
  await expect.poll(() => receiver.received.length).toBe(1);
  const first = receiver.nth(0);
  expect(first.headers["x-acme-signature"]).toBe(`sha256=${hex(SECRET, first.body)}`);
  expect(first.headers).not.toHaveProperty("x-github-event");
  expect(first.headers).not.toHaveProperty("webhook-signature");

  // The page shows it; rotating says that there is no overlap.
  await page.getByRole("tab", { name: "Details" }).click();
  await expect(page.getByText("As GitHub does")).toBeVisible();
  await expect(page.getByText("X-Acme-Signature")).toBeVisible();
  await expect(times).toHaveText(["at once", "10 s", "5 min 10 s", "1 h 35 min 10 s"]);
  await page.getByRole("button", { name: "Reveal" }).click();
  await expect(page.getByTestId("secret")).toHaveText(SECRET);
  await page.getByRole("button", { name: "Rotate" }).click();
  await expect(page.getByText("A delivery has room for one signature")).toBeVisible();
  await page.getByLabel("New secret").fill(`${SECRET}, and now`);
  await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
  await expect(page.getByText("The old secret has ended.")).toBeVisible();

  // Both at once: the form keeps what is there and says what the receiver will see.
  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await expect(page.getByLabel("Signature's header")).toHaveValue("X-Acme-Signature");
  await expect(page.getByLabel("First secret")).toHaveCount(0);
  await expect(page.getByLabel("Delays")).toHaveValue("10 s, 5 min, 1 h 30 min");
  await page.getByLabel("Also signed as").selectOption("Standard Webhooks");
  await expect(page.getByText("New: webhook-signature, webhook-timestamp.")).toBeVisible();
  await expect(page.getByText("No longer sent:")).toBeHidden();
  await page.getByLabel("When a delivery fails").selectOption("Growing delays");
  await page.getByLabel("Given up after").fill("1 d");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByText("Changes saved")).toBeVisible();
  await api.publish(app, "invoice.paid", { n: 2 });
  await expect.poll(() => receiver.received.length).toBe(2);
  const both = receiver.nth(1);
  const mac = hex(`${SECRET}, and now`, both.body);
  expect(both.headers["x-acme-signature"]).toBe(`sha256=${mac}`);
  expect(both.headers["webhook-signature"]).toMatch(/^v1,/);
  expect((await api.get(at)).retryPolicy).toMatchObject({
    type: "exponential",
    horizonSeconds: 86_400,
  });

  // Each scheme has its secret on the page, and the old one can be left.
  await page.getByRole("tab", { name: "Details" }).click();
  await expect(
    page.getByRole("heading", { name: "Signing secret: Standard Webhooks" }),
  ).toBeVisible();
  await expect(page.getByRole("heading", { name: "Signing secret: As GitHub does" })).toBeVisible();
  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await page
    .getByLabel("Signed as", { exact: true })
    .selectOption("Standard Webhooks (recommended)");
  await expect(
    page.getByText("No longer sent: X-Acme-Signature, X-GitHub-Delivery."),
  ).toBeVisible();
  await page.getByLabel("When a delivery fails").selectOption("The server's default");
  await page.getByRole("button", { name: "Save changes" }).click();
  await expect(page.getByRole("heading", { name: receiver.url })).toBeVisible();
  expect(await api.get(at)).toMatchObject({
    signatureScheme: [{ type: "standard" }],
    retryPolicy: null,
  });
});

test("what the API refuses of a scheme is said beside it", async ({ page, server, receiver }) => {
  const app = await server.api().app("Refused scheme");
  const { link } = await server.api().portal(app);
  await page.goto(link);
  await page.getByRole("link", { name: "Add endpoint" }).click();
  await page.getByLabel("URL").fill(receiver.url);
  await page.getByText("Signature", { exact: true }).click();
  await page.getByLabel("Signed as", { exact: true }).selectOption("Another HMAC");
  await page.getByRole("button", { name: "Add endpoint" }).click();
  await expect(page.getByText("Name the header that carries the signature.")).toBeVisible();
  await page.getByLabel("Signature's header").fill("host");
  await page.getByRole("button", { name: "Add endpoint" }).click();
  const group = page.getByRole("group").filter({ hasText: "Signed as" });
  await expect(group.getByText(/host/)).toBeVisible();
  await page.getByLabel("Signature's header").fill("X-Acme");
  await page.getByRole("button", { name: "Add endpoint" }).click();
  await expect(page.getByRole("heading", { name: receiver.url })).toBeVisible();
});
