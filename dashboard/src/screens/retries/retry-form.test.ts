import { expect, test } from "vitest";
import { planOf, type RetryPolicy } from "./retry";
import { formOfRetry, policyOf, retryForm } from "./retry-form";

const faults = (form: Parameters<typeof policyOf>[0]) =>
  retryForm.safeParse(form).error?.issues.map((issue) => issue.path[0]) ?? [];

test("what an endpoint has is what the form sends back", () => {
  const policies: (RetryPolicy | null)[] = [
    null,
    { type: "schedule", seconds: [5, 300, 5_401] },
    { type: "schedule", seconds: [] },
    {
      type: "exponential",
      initialSeconds: 10,
      factor: 2.5,
      maxIntervalSeconds: 90_061,
      horizonSeconds: 172_800,
    },
  ];
  for (const policy of policies) {
    const form = formOfRetry(policy);
    expect(faults(form)).toEqual([]);
    expect(policyOf(form)).toEqual(policy);
  }
});

test("delays that are none, too long or too many are refused, and hidden fields are not judged", () => {
  const schedule = { ...formOfRetry(null), kind: "schedule" as const };
  for (const delays of ["soon", "8 d", Array(101).fill("1 s").join(",")]) {
    expect(faults({ ...schedule, delays })).toEqual(["delays"]);
    expect(faults({ ...schedule, delays, kind: "default" })).toEqual([]);
  }
  const growing = { ...formOfRetry(null), kind: "exponential" as const };
  expect(faults({ ...growing, initial: "0", factor: "11", horizon: "5 s" })).toEqual([
    "initial",
    "horizon",
    "factor",
  ]);
  expect(faults({ ...growing, initial: "1 h", maxInterval: "1 min" })).toEqual(["maxInterval"]);
});

test("a plan has the times that the server's documentation promises", () => {
  expect(planOf({ type: "schedule", seconds: [5, 60, 3_600] })).toEqual({
    times: [0, 5, 65, 3_665],
    more: false,
    end: 3_665,
  });
  const usual = planOf({ type: "exponential" });
  expect(usual.times.slice(0, 5)).toEqual([0, 5, 20, 65, 200]);
  expect(usual.times.at(-1)).toBe(259_200);
  const dense = planOf({ type: "exponential", initialSeconds: 1, factor: 1 });
  expect(dense.more).toBe(true);
  expect(dense.end).toBe(259_200);
});
