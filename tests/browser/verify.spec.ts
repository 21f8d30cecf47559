import { LANGUAGES, runProgram } from "./support/programs";
import { expect, test, textOf } from "./support/test";

const TEXT_SECRET = "what the customer's receiver has";

const SCHEMES = {
  standard: { scheme: "standard", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" },
  github: { scheme: "github", secret: TEXT_SECRET },
  stripe: { scheme: "stripe", secret: TEXT_SECRET },
  slack: { scheme: "slack", secret: TEXT_SECRET },
  hmac: {
    scheme: {
      type: "hmac",
      signatureHeader: "X-Acme-Signature",
      prefix: "v7=",
      algorithm: "sha512",
      encoding: "base64",
      content: "{id}.{timestamp}.{body}",
      idHeader: "X-Acme-Id",
      timestampHeader: "X-Acme-Time",
    },
    secret: TEXT_SECRET,
  },
};

for (const [name, { scheme, secret }] of Object.entries(SCHEMES)) {
  test(`"Verify this" shows programs that check this very ${name} signature, and no other body`, async ({
    page,
    server,
    receiver,
  }) => {
    test.setTimeout(120_000);
    const api = server.api();
    const app = await api.app(`Verifies ${name}`);
    await api.endpoint(app, { url: receiver.url, signatureScheme: scheme, secret });
    const message = await api.publish(app, "invoice.paid", {
      invoice: "in_7",
      note: 'it\'s "5 % off" for $HOME, `né` \\ é 🦊',
    });
    await expect.poll(() => receiver.received.length).toBe(1);
    const { link } = await api.portal(app);
    await page.goto(link);
    await expect(page.getByRole("link", { name: receiver.url })).toBeVisible();
    await page.goto(`${server.url}/portal/messages/${message}`);
    await page.getByRole("tab", { name: "Verify this" }).click();
    for (const language of LANGUAGES) {
      await page.getByText(language, { exact: true }).first().click();
      const code = await textOf(page.getByRole("region", { name: language }));
      const right = runProgram(language, code, secret);
      expect(right.out, `${language}: ${right.err}`).toMatch(/^verified: \S/);
      expect(right.ok).toBe(true);

      const changed = code.replace("in_7", "in_8");
      expect(changed, "one byte of the body").not.toBe(code);
      const wrong = runProgram(language, changed, secret);
      expect(wrong.ok, `${language}, another body: ${wrong.out}`).toBe(false);
      expect(wrong.out).toBe("");
      expect(runProgram(language, code, secret.replace("a", "b")).ok, "another secret").toBe(false);
    }
  });
}
