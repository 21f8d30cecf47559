import { expect, test } from "vitest";
import { blank, changed, created, endpointForm, KEPT } from "./endpoint-form";

const before = { headers: { "x-old": "1", "x-same": "2" }, sensitive: ["authorization", "cookie"] };

test("a change sets what is new, removes what is gone and leaves hidden values alone", () => {
  const form = {
    ...blank("https://example.com"),
    headers: [
      { name: "x-same", value: "2" },
      { name: "x-new", value: "3" },
      { name: "Authorization", value: KEPT },
      { name: "", value: "ignored" },
    ],
  };
  expect(changed(form, before).headers).toEqual({ "x-old": null, cookie: null, "x-new": "3" });
  expect(changed(form, before).patch).not.toHaveProperty("headers");
});

test("empty fields clear, and none chosen is no filter", () => {
  expect(created(blank(" https://example.com "))).toMatchObject({
    url: "https://example.com",
    eventTypes: null,
    channels: null,
    throttleRate: null,
    uid: null,
  });
});

test("numbers out of their bounds and words that are no names are refused", () => {
  const wrong = {
    ...blank("https://example.com"),
    timeoutSeconds: "4",
    throttleRate: "1.5",
    uid: "ep_x",
  };
  const fields = endpointForm.safeParse(wrong).error?.issues.map((issue) => issue.path[0]);
  expect(fields).toEqual(["throttleRate", "timeoutSeconds", "uid"]);
  expect(endpointForm.safeParse(blank("https://example.com")).success).toBe(true);
});
