import { z } from "zod";
import type { Schemas } from "@/api/client";
import type { Endpoint, EndpointChange, EndpointIn } from "@/api/endpoints";
import { formOfRetry, policyOf, retryForm } from "@/screens/retries/retry-form";
import { blankScheme, formOfScheme, schemesForm, schemesOf } from "@/screens/signing/scheme-form";
import { texts } from "@/texts";
import { checkUrl } from "./url-check";

const t = texts.endpoints.formProblems;
const NAME = /^[A-Za-z0-9_.-]{1,256}$/;
const CHANNEL = /^[A-Za-z0-9_.:+-]{1,256}$/;

/** A number in a text field; empty is none. */
const numeric = (from: number, to: number) =>
  z.string().refine(
    (text) => {
      const value = Number(text);
      return text.trim() === "" || (Number.isInteger(value) && value >= from && value <= to);
    },
    t.wholeNumber(from, to),
  );

export const endpointForm = z.object({
  url: z.string().superRefine((text, context) => {
    const verdict = checkUrl(text);
    if (!verdict.ok) context.addIssue({ code: "custom", message: verdict.problem });
  }),
  description: z.string().max(4096, t.tooLong),
  eventTypes: z.array(z.string()),
  channels: z.array(z.string().regex(CHANNEL, t.channel)).max(10, t.tooManyChannels),
  headers: z.array(z.object({ name: z.string(), value: z.string() })),
  throttleRate: numeric(1, 65_535),
  timeoutSeconds: numeric(5, 30),
  headerFamily: z.enum(["webhook", "svix"]),
  schemes: schemesForm,
  retry: retryForm,
  uid: z
    .string()
    .refine((text) => text === "" || (NAME.test(text) && !text.startsWith("ep_")), t.uid),
});

export type EndpointForm = z.infer<typeof endpointForm>;

export function blank(url = ""): EndpointForm {
  return {
    url,
    description: "",
    eventTypes: [],
    channels: [],
    headers: [],
    throttleRate: "",
    timeoutSeconds: "",
    headerFamily: "webhook",
    schemes: [blankScheme("default")],
    retry: formOfRetry(null),
    uid: "",
  };
}

type Headers = Schemas["HeadersOut"];

/** Stands for a value that the API does not show. */
export const KEPT = "••••••••";

export function formOf(endpoint: Endpoint, headers: Headers): EndpointForm {
  return {
    url: endpoint.url,
    description: endpoint.description,
    eventTypes: endpoint.eventTypes ?? [],
    channels: endpoint.channels ?? [],
    headers: [
      ...Object.entries(headers.headers).map(([name, value]) => ({ name, value })),
      ...headers.sensitive.map((name) => ({ name, value: KEPT })),
    ],
    throttleRate: endpoint.throttleRate?.toString() ?? "",
    timeoutSeconds: endpoint.timeoutSeconds?.toString() ?? "",
    headerFamily: endpoint.headerFamily,
    schemes: endpoint.signatureScheme.map(formOfScheme),
    retry: formOfRetry(endpoint.retryPolicy),
    uid: endpoint.uid ?? "",
  };
}

const number = (text: string) => (text.trim() === "" ? null : Number(text));
const list = (values: string[]) => (values.length === 0 ? null : values);

/** What to create. */
export function created(form: EndpointForm): EndpointIn {
  const headers = form.headers.filter((header) => header.name.trim() !== "");
  const schemes = schemesOf(form.schemes);
  // The server's own choice takes its secret beside it.
  const secret = schemes ? "" : form.schemes[0]?.secret;
  return {
    url: form.url.trim(),
    description: form.description,
    eventTypes: list(form.eventTypes),
    channels: list(form.channels),
    throttleRate: number(form.throttleRate),
    timeoutSeconds: number(form.timeoutSeconds),
    headerFamily: form.headerFamily,
    ...(schemes && { signatureScheme: schemes }),
    ...(secret && { secret }),
    retryPolicy: policyOf(form.retry),
    uid: form.uid || null,
    headers: Object.fromEntries(headers.map((header) => [header.name.trim(), header.value])),
  };
}

/** The form's name of what the API calls otherwise. */
export const FORM_NAMES: Record<string, keyof EndpointForm> = {
  signatureScheme: "schemes",
  secret: "schemes",
  retryPolicy: "retry",
};

/** What to change: headers that are gone are removed, those that were kept are left alone. */
export function changed(form: EndpointForm, before: Headers): EndpointChange {
  const { headers: wanted, secret: _, ...patch } = created(form);
  const names = [...Object.keys(before.headers), ...before.sensitive];
  const headers: EndpointChange["headers"] = {};
  for (const name of names) {
    const still = Object.keys(wanted ?? {}).some((one) => one.toLowerCase() === name.toLowerCase());
    if (!still) headers[name] = null;
  }
  for (const [name, value] of Object.entries(wanted ?? {})) {
    if (value !== KEPT && before.headers[name] !== value) headers[name] = value;
  }
  return { patch, headers };
}
