import { useSyncExternalStore } from "react";
import { raw } from "./client";
import { ApiProblem } from "./problem";
import { EventReader, type ServerEvent } from "./sse";

export type LiveState = "off" | "connecting" | "open";

let state: LiveState = "off";
const listeners = new Set<() => void>();

function set(next: LiveState) {
  if (next === state) return;
  state = next;
  for (const listener of listeners) listener();
}

export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** The server breaks its silence every 15 s: a connection that says less is gone, as after sleep. */
const LONGEST_SILENCE_MS = 45_000;

const wait = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

/** The next piece of a stream; an error if none comes for so long that none will. */
async function next(reader: ReadableStreamDefaultReader<string>) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the stream is silent")), LONGEST_SILENCE_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch (error) {
    void reader.cancel().catch(() => undefined);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Reads a stream of events until `signal` ends it, and goes on after the last one that came when
 * the connection breaks. The server says `reset` where something may have been missed.
 */
export async function follow(
  path: string,
  signal: AbortSignal,
  onEvent: (event: ServerEvent) => void,
  onState: (state: LiveState) => void = set,
): Promise<void> {
  let last: string | null = null;
  let delay = FIRST_WAIT_MS;
  while (!signal.aborted) {
    onState("connecting");
    try {
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (last !== null) headers["last-event-id"] = last;
      const response = await raw(path, { headers, signal });
      const body = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      const reader = new EventReader();
      onState("open");
      while (body) {
        const chunk = await next(body);
        if (chunk.done) break;
        delay = FIRST_WAIT_MS;
        for (const event of reader.push(chunk.value)) onEvent(event);
        last = reader.id ?? last;
      }
    } catch (error) {
      // What is refused stays refused: no stream here, or no session any more.
      const status = error instanceof ApiProblem ? error.status : 0;
      if (status >= 400 && status < 500 && status !== 429) break;
    }
    if (signal.aborted) break;
    onState("connecting");
    await wait(delay, signal);
    delay = Math.min(delay * 2, LONGEST_WAIT_MS);
  }
  onState("off");
}
