import { expect, test } from "vitest";
import { healthOf } from "./health";

test("whether an endpoint is disabled is told by the endpoint, all else by its figures", () => {
  expect(healthOf({ disabled: true }, { health: "failing" })).toBe("disabled");
  expect(healthOf({ disabled: false }, { health: "failing" })).toBe("failing");
  expect(healthOf({ disabled: false }, { health: "idle" })).toBe("idle");
});

test("nothing is said where the figures say nothing, or are older than the endpoint", () => {
  expect(healthOf({ disabled: false })).toBeUndefined();
  expect(healthOf({ disabled: false }, { health: "disabled" })).toBeUndefined();
});
