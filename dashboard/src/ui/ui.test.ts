import { expect, test } from "vitest";
import { bytes, milliseconds, percent, relative } from "@/texts/format";
import { linePath, lonePath, niceTop } from "./chart-scale";
import { grouped } from "./event-tree";
import { pieces, readable } from "./highlight";
import { exactSpan, parseSpan, span } from "./span";

test("a share is never rounded to all or nothing that it is not", () => {
  expect(percent(0, 0)).toBe("–");
  expect(percent(0, 5)).toBe("0 %");
  expect(percent(5, 5)).toBe("100 %");
  expect(percent(999_999, 1_000_000)).toBe("99.9 %");
  expect(percent(1, 1_000_000)).toBe("0.1 %");
  expect(percent(2, 3)).toBe("66.7 %");
});

test("times, lengths and sizes are written in units that fit", () => {
  const now = new Date("2026-11-25T12:00:00Z");
  const at = (seconds: number) => relative(new Date(now.getTime() + seconds * 1000), now);
  expect([at(0), at(-30), at(-90), at(7200), at(-200_000)]).toEqual([
    "now",
    "30 sec. ago",
    "1 min. ago",
    "in 2 hr.",
    "2 days ago",
  ]);
  expect([span(0), span(61), span(90_061)]).toEqual(["0 s", "1 min 1 s", "1 d 1 h"]);
  expect([milliseconds(null), milliseconds(999.4), milliseconds(1500)]).toEqual([
    "–",
    "999 ms",
    "1.50 s",
  ]);
  expect([bytes(3), bytes(2048), bytes(3 << 20)]).toEqual(["3 B", "2.0 KiB", "3.0 MiB"]);
});

test("code that is coloured is still the same code", () => {
  const json = '{"a\\"": [1, -2.5e3, true, null, "x: \\"y\\""], "b": {}}';
  const parts = pieces(json, "json");
  expect(parts.map((part) => part.text).join("")).toBe(json);
  expect(parts.filter((part) => part.kind === "key").map((part) => part.text)).toEqual([
    '"a\\""',
    '"b"',
  ]);
  const code = 'const a = "b"; // let\n#!/x\n`t`';
  expect(
    pieces(code, "code")
      .map((part) => part.text)
      .join(""),
  ).toBe(code);
});

test("what is no JSON is shown as it is", () => {
  expect(readable("<xml/>")).toEqual({ text: "<xml/>", language: "text" });
  expect(readable('{"a":1')).toEqual({ text: '{"a":1', language: "text" });
  expect(readable('{"a":1}')).toEqual({ text: '{\n  "a": 1\n}', language: "json" });
});

test("event types stand in groups by catalogue or by name, and search looks at descriptions", () => {
  const types = [
    { name: "user.created", description: "Somebody signed up" },
    { name: "ping", description: "" },
    { name: "invoice.paid", description: "Money came", group: "Billing" },
    { name: "user.gone", description: "" },
  ];
  const shape = (search: string) =>
    grouped(types, search).map((group) => [group.name, group.types.map((type) => type.name)]);
  expect(shape("")).toEqual([
    ["Billing", ["invoice.paid"]],
    ["user", ["user.created", "user.gone"]],
    ["", ["ping"]],
  ]);
  expect(shape("money bill")).toEqual([["Billing", ["invoice.paid"]]]);
  expect(shape("nothing")).toEqual([]);
});

test("an axis ends at a round number, and a line has holes where values are missing", () => {
  expect([0, 1, 17, 101, 999].map(niceTop)).toEqual([1, 1, 20, 150, 1000]);
  const path = linePath(
    [1, null, 2, 3],
    (at) => at,
    (value) => value,
  );
  expect(path).toBe("M0.0 1.0M2.0 2.0L3.0 3.0");
  const lone = lonePath(
    [1, null, 2, 3, null, 4],
    (at) => at,
    (value) => value,
  );
  expect(lone).toBe("M0.0 1.0h0M5.0 4.0h0");
});

test("a length of time can be typed in many ways, and is read back as it is written", () => {
  for (const seconds of [0, 5, 300, 5_400, 90_061, 604_800]) {
    expect(parseSpan(exactSpan(seconds))).toBe(seconds);
  }
  expect(["90", "1h30m", "2 Days", "5 minutes 1 sec"].map(parseSpan)).toEqual([
    90, 5_400, 172_800, 301,
  ]);
  expect(["", "soon", "-1", "1.5 h", "5 s 1 h", "3 30"].map(parseSpan)).toEqual(
    Array.from({ length: 6 }, () => null),
  );
});
