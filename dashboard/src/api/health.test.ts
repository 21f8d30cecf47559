import { expect, test } from "vitest";
import { healthOf } from "./health";

const part = (succeeded: number, failed: number) => ({
  start: "2026-11-25T12:00:00Z",
  succeeded,
  failed,
});
const enabled = { disabled: false };

test("an endpoint to which nothing is sent is disabled, whatever its figures say", () => {
  const figures = { failingSince: "2026-11-25T12:00:00Z", series: [part(0, 3)] };
  expect(healthOf({ disabled: true }, figures)).toBe("disabled");
});

test("an endpoint fails as soon as the server says so, whatever succeeded that hour", () => {
  const figures = { failingSince: "2026-11-25T12:00:00Z", series: [part(5, 1)] };
  expect(healthOf(enabled, figures)).toBe("failing");
});

test("otherwise the last part of the day with attempts decides", () => {
  const of = (...series: ReturnType<typeof part>[]) =>
    healthOf(enabled, { failingSince: null, series });
  expect(of(part(0, 4), part(1, 3), part(0, 0))).toBe("healthy");
  expect(of(part(9, 0), part(0, 1), part(0, 0))).toBe("failing");
});

test("an endpoint without attempts, or without figures, has no traffic", () => {
  expect(healthOf(enabled, { failingSince: null, series: [part(0, 0)] })).toBe("idle");
  expect(healthOf(enabled)).toBe("idle");
});
