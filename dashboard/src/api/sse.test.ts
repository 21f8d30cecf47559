import { expect, test } from "vitest";
import { EventReader } from "./sse";

test("events come out whole, however the stream is cut", () => {
  const text =
    ': hello\n\nid: 7\nevent: attempt.made\ndata: {"a":1}\n\nid: 8\r\ndata: two\r\ndata: lines\r\n\r\n';
  const whole = [
    { id: "7", name: "attempt.made", data: '{"a":1}' },
    { id: "8", name: "message", data: "two\nlines" },
  ];
  for (const size of [1, 2, 3, 7, text.length]) {
    // A lone CR at a cut would be a line's end of its own; the server ends lines with LF.
    const cut = size === text.length ? text : text.replaceAll("\r", "");
    const reader = new EventReader();
    const events = [];
    for (let at = 0; at < cut.length; at += size)
      events.push(...reader.push(cut.slice(at, at + size)));
    expect(events).toEqual(whole);
  }
});

test("a comment and an event without data are nothing, and the last id stays", () => {
  const reader = new EventReader();
  expect(reader.push("id: 1\nevent: x\n\n: keep\n\n")).toEqual([]);
  expect(reader.push("data: y\n\n")).toEqual([{ id: "1", name: "message", data: "y" }]);
});
