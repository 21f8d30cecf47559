import { z } from "zod";
import { texts } from "@/texts";
import { exactSpan, parseSpan } from "@/ui/span";
import { BEGINS, MOST_DELAYS, type RetryPolicy } from "./retry";

const t = texts.retries;
const DAY = 86_400;
const BOUNDS = {
  initial: [1, DAY],
  maxInterval: [1, 7 * DAY],
  horizon: [60, 14 * DAY],
} as const;

export const retryForm = z
  .object({
    /** `default` leaves it to the event type, the organisation or the server. */
    kind: z.enum(["default", "exponential", "schedule"]),
    initial: z.string(),
    factor: z.string(),
    maxInterval: z.string(),
    horizon: z.string(),
    /** Delays between commas. */
    delays: z.string(),
  })
  .superRefine((form, context) => {
    const wrong = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    if (form.kind === "schedule") {
      const fault = delaysFault(form.delays);
      if (fault) wrong("delays", fault);
    }
    if (form.kind !== "exponential") return;
    for (const [name, [from, to]] of Object.entries(BOUNDS)) {
      const seconds = parseSpan(form[name as keyof typeof BOUNDS]);
      if (seconds === null || seconds < from || seconds > to)
        wrong(name, t.between(exactSpan(from), exactSpan(to)));
    }
    const factor = Number(form.factor);
    if (form.factor.trim() === "" || !(factor >= 1 && factor <= 10)) wrong("factor", t.factorWrong);
    const [initial, most] = [parseSpan(form.initial), parseSpan(form.maxInterval)];
    if (initial !== null && most !== null && most < initial)
      wrong("maxInterval", t.maxBelowInitial);
  });

export type RetryForm = z.infer<typeof retryForm>;

const words = (text: string) =>
  text
    .split(",")
    .map((word) => word.trim())
    .filter(Boolean);

function delaysFault(text: string): string | null {
  const delays = words(text);
  if (delays.length > MOST_DELAYS) return t.tooMany;
  for (const delay of delays) {
    const seconds = parseSpan(delay);
    if (seconds === null) return t.noSpan(delay);
    if (seconds > 7 * DAY) return t.tooLong(delay);
  }
  return null;
}

export function formOfRetry(policy: RetryPolicy | null): RetryForm {
  const given = policy?.type === "exponential" ? policy : null;
  return {
    kind: policy?.type ?? "default",
    initial: exactSpan(given?.initialSeconds ?? BEGINS.initial),
    factor: String(given?.factor ?? BEGINS.factor),
    maxInterval: exactSpan(given?.maxIntervalSeconds ?? BEGINS.maxInterval),
    horizon: exactSpan(given?.horizonSeconds ?? BEGINS.horizon),
    delays: policy?.type === "schedule" ? policy.seconds.map(exactSpan).join(", ") : t.delaysBegin,
  };
}

/** What to send; null where the server decides. Of a form without faults. */
export function policyOf(form: RetryForm): RetryPolicy | null {
  if (form.kind === "default") return null;
  if (form.kind === "schedule") {
    return { type: "schedule", seconds: words(form.delays).map((delay) => parseSpan(delay) ?? 0) };
  }
  return {
    type: "exponential",
    initialSeconds: parseSpan(form.initial) ?? BEGINS.initial,
    factor: Number(form.factor),
    maxIntervalSeconds: parseSpan(form.maxInterval) ?? BEGINS.maxInterval,
    horizonSeconds: parseSpan(form.horizon) ?? BEGINS.horizon,
  };
}
