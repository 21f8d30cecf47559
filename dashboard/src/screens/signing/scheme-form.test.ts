import { expect, test } from "vitest";
import { headerChange, headersOf, type Scheme } from "./scheme";
import { blankScheme, formOfScheme, schemesForm, schemesOf } from "./scheme-form";

const GITHUB: Scheme = {
  type: "github",
  signatureHeader: "X-Acme-Signature",
  eventHeader: null,
  deliveryHeader: "X-Acme-Delivery",
};
const HMAC: Scheme = {
  type: "hmac",
  signatureHeader: "X-Sig",
  prefix: "",
  content: "{timestamp}.{body}",
  encoding: "base64",
  algorithm: "sha512",
  timestampHeader: "X-Time",
  idHeader: null,
  eventHeader: null,
};

test("what an endpoint has is what the form sends back", () => {
  for (const schemes of [[{ type: "standard" } as Scheme], [GITHUB, HMAC]]) {
    const forms = schemes.map(formOfScheme);
    expect(schemesForm.safeParse(forms).success).toBe(true);
    expect(schemesOf(forms)).toEqual(schemes);
  }
});

test("the server's default is nothing to send, and a secret goes with its scheme", () => {
  expect(schemesOf([blankScheme("default")])).toBeNull();
  const stripe = { ...blankScheme("stripe"), secret: "0123456789abcdef" };
  expect(schemesOf([stripe])).toEqual([
    { type: "stripe", signatureHeader: "Stripe-Signature", secret: "0123456789abcdef" },
  ]);
});

test("a header that must be named, and a secret of the wrong kind, are refused where they stand", () => {
  const faults = (form: ReturnType<typeof blankScheme>) =>
    schemesForm.safeParse([form]).error?.issues.map((issue) => issue.path.join("."));
  expect(faults(blankScheme("hmac"))).toEqual(["0.particulars.signatureHeader"]);
  expect(faults({ ...blankScheme("slack"), secret: "short" })).toEqual(["0.secret"]);
  expect(faults({ ...blankScheme("standard"), secret: "0123456789abcdef" })).toEqual(["0.secret"]);
  expect(
    faults({ ...blankScheme("standard"), secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }),
  ).toBeUndefined();
});

test("a change names the headers that end and those that begin", () => {
  expect(headersOf({ type: "standard" }, "svix")).toEqual(["svix-signature", "svix-timestamp"]);
  expect(headerChange([{ type: "standard" }], [GITHUB], "webhook")).toEqual({
    gone: ["webhook-signature", "webhook-timestamp"],
    added: ["X-Acme-Signature", "X-Acme-Delivery"],
  });
  const renamed = { ...GITHUB, signatureHeader: "x-acme-signature" } as Scheme;
  expect(headerChange([GITHUB], [renamed], "webhook")).toEqual({ gone: [], added: [] });
});
