import { afterEach, expect, test, vi } from "vitest";
import { follow, type LiveState } from "./live";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a stream that falls silent is taken up again where it was", async () => {
  vi.useFakeTimers();
  const asked: (string | null)[] = [];
  vi.stubGlobal("fetch", (input: Request | string, init?: RequestInit) => {
    const headers = new Headers(input instanceof Request ? input.headers : init?.headers);
    asked.push(headers.get("last-event-id"));
    const bytes = new TextEncoder().encode("id: 7\n\n");
    const body = new ReadableStream({ start: (controller) => controller.enqueue(bytes) });
    return Promise.resolve(new Response(body, { status: 200 }));
  });
  const ended = new AbortController();
  const states: LiveState[] = [];
  const following = follow(
    "/api/v1/events",
    ended.signal,
    () => undefined,
    (state) => states.push(state),
  );
  await vi.advanceTimersByTimeAsync(44_000);
  expect(asked).toEqual([null]);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(asked).toEqual([null, "7"]);
  expect(states.slice(0, 3)).toEqual(["connecting", "open", "connecting"]);
  ended.abort();
  await vi.advanceTimersByTimeAsync(60_000);
  await following;
});
