import { z } from "zod";
import { texts } from "@/texts";
import type { Scheme, SchemeType } from "./scheme";

const t = texts.signature;

/** Those that can be chosen, the recommended one first. */
export const SCHEME_TYPES: SchemeType[] = ["standard", "github", "stripe", "slack", "hmac"];

/** What can be chosen within a kind of scheme. */
export interface Particular {
  name: keyof typeof t.particulars;
  /** What it is unless something else is typed. */
  begins: string;
  /** May not be empty. Of the others, empty means that it is not sent. */
  required?: boolean;
  choices?: string[];
}

const SIGNATURE = (begins: string): Particular => ({
  name: "signatureHeader",
  begins,
  required: true,
});

export const PARTICULARS: Record<SchemeType, Particular[]> = {
  standard: [],
  github: [
    SIGNATURE("X-Hub-Signature-256"),
    { name: "eventHeader", begins: "X-GitHub-Event" },
    { name: "deliveryHeader", begins: "X-GitHub-Delivery" },
  ],
  stripe: [SIGNATURE("Stripe-Signature")],
  slack: [
    SIGNATURE("X-Slack-Signature"),
    { name: "timestampHeader", begins: "X-Slack-Request-Timestamp", required: true },
    { name: "retryHeader", begins: "X-Slack-Retry-Num" },
  ],
  hmac: [
    SIGNATURE(""),
    { name: "prefix", begins: "" },
    { name: "content", begins: "{body}", required: true },
    { name: "encoding", begins: "hex", required: true, choices: ["hex", "base64"] },
    { name: "algorithm", begins: "sha256", required: true, choices: ["sha256", "sha512"] },
    { name: "timestampHeader", begins: "" },
    { name: "idHeader", begins: "" },
    { name: "eventHeader", begins: "" },
  ],
};

const schemeForm = z.object({
  /** `default` leaves the choice to the server, where an endpoint is made. */
  type: z.enum(["default", "standard", "github", "stripe", "slack", "hmac"]),
  particulars: z.record(z.string(), z.string()),
  /** Empty: the server makes one. */
  secret: z.string(),
});

export type SchemeForm = z.infer<typeof schemeForm>;

const STANDARD_SECRET = /^whs(ec|k)_[A-Za-z0-9+/]+=*$/;

/** What is wrong with a first secret, if anything is. */
function secretFault({ type, secret }: SchemeForm): string | null {
  if (secret === "") return null;
  if (type === "default") return secret.length > 256 ? t.secretWrong : null;
  if (type === "standard") return STANDARD_SECRET.test(secret) ? null : t.standardSecretWrong;
  const { length } = new TextEncoder().encode(secret);
  return length >= 16 && length <= 256 && secret.trim() === secret ? null : t.secretWrong;
}

/** One or two schemes of different kinds. */
export const schemesForm = z.array(schemeForm).superRefine((schemes, context) => {
  for (const [at, scheme] of schemes.entries()) {
    const wrong = (message: string, ...path: string[]) =>
      context.addIssue({ code: "custom", message, path: [at, ...path] });
    const fault = secretFault(scheme);
    if (fault) wrong(fault, "secret");
    if (scheme.type === "default") continue;
    for (const { name, required } of PARTICULARS[scheme.type]) {
      if (required && !scheme.particulars[name]?.trim())
        wrong(t.required[name] ?? t.empty, "particulars", name);
    }
  }
});

/** A scheme of this kind, as it is before anything is typed. */
export function blankScheme(type: SchemeForm["type"]): SchemeForm {
  const particulars = type === "default" ? [] : PARTICULARS[type];
  return {
    type,
    particulars: Object.fromEntries(particulars.map(({ name, begins }) => [name, begins])),
    secret: "",
  };
}

export function formOfScheme(scheme: Scheme): SchemeForm {
  const values = scheme as unknown as Record<string, string | null | undefined>;
  const particulars = PARTICULARS[scheme.type].map(({ name }) => [name, values[name] ?? ""]);
  return { type: scheme.type, particulars: Object.fromEntries(particulars), secret: "" };
}

function schemeOf(form: SchemeForm, type: SchemeType): Scheme {
  const particulars = PARTICULARS[type].map(({ name, required }) => {
    const text = (form.particulars[name] ?? "").trim();
    const nothing = required || name === "prefix" ? "" : null;
    return [name, text || nothing];
  });
  const secret = form.secret === "" ? {} : { secret: form.secret };
  return { type, ...Object.fromEntries(particulars), ...secret } as Scheme;
}

/** What to send; null where the server decides. */
export function schemesOf(forms: SchemeForm[]): Scheme[] | null {
  const schemes = forms.flatMap((form) =>
    form.type === "default" ? [] : [schemeOf(form, form.type)],
  );
  return schemes.length === 0 ? null : schemes;
}
