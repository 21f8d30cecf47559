import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { texts } from "@/texts";
import { ListFrame } from "./list-frame";

type List = Parameters<typeof ListFrame<string>>[0]["list"];

function shown(list: Partial<List>, ownCards = false): string {
  return renderToStaticMarkup(
    createElement(ListFrame<string>, {
      list: { rows: undefined, error: null, retry: () => undefined, ...list },
      empty: "nothing",
      ownCards,
      children: (rows) => rows.join(" and "),
    }),
  );
}

test("a list is shown failed, on its way, empty or as its rows, one of these at a time", () => {
  const failed = shown({ error: new Error("no answer"), rows: ["row 1"] });
  expect(failed).toContain("no answer");
  expect(failed).toContain(texts.common.tryAgain);
  expect(failed).not.toContain("row 1");
  expect(shown({})).toContain(texts.common.loading);
  expect(shown({ rows: [] })).toBe("nothing");
  expect(shown({ rows: ["one", "two"] })).toBe("one and two");
});

test("more is offered while there is more, also where the first page held no rows", () => {
  const more = () => undefined;
  expect(shown({ rows: ["one"], hasMore: true, more })).toContain(texts.common.more);
  expect(shown({ rows: [], hasMore: true, more })).toContain(texts.common.more);
  expect(shown({ rows: ["one"], hasMore: false, more })).toBe("one");
});

test("rows with cards of their own have what stands in their place in a card", () => {
  expect(shown({ rows: [] }, true)).toMatch(/^<section.*nothing.*<\/section>$/);
  expect(shown({ rows: ["one"] }, true)).toBe("one");
});
