import { expect, test } from "vitest";
import { texts } from "@/texts";
import { checkUrl } from "./url-check";

test("what the API takes passes, as it is normalised there", () => {
  expect(checkUrl(" https://Example.com/a?b=C ")).toEqual({
    ok: true,
    url: "https://example.com/a?b=C",
    warning: undefined,
  });
  expect(checkUrl("http://example.com")).toMatchObject({
    warning: texts.endpoints.urlWarnings.http,
  });
  for (const local of ["http://localhost:9/", "http://127.0.0.1:8072", "https://[::1]/x"]) {
    expect(checkUrl(local)).toMatchObject({ ok: true, warning: texts.endpoints.urlWarnings.local });
  }
});

test("what the API refuses is refused with a remedy", () => {
  const problems = texts.endpoints.urlProblems;
  for (const [text, problem] of [
    ["", problems.empty],
    ["example.com", problems.notUrl],
    ["example.com:8080/x", problems.notUrl],
    ["https://", problems.notUrl],
    ["ftp://example.com/", problems.scheme],
    ["https://a:b@example.com/", problems.credentials],
    ["https://example.com/#x", problems.fragment],
    ["https://example.com/#", problems.fragment],
    ["http://example.com:0/", problems.port],
    [`https://example.com/${"x".repeat(2048)}`, problems.tooLong],
  ] as const) {
    expect(checkUrl(text), text).toEqual({ ok: false, problem });
  }
});
