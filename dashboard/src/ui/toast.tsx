import { CircleCheck, CircleX, X } from "lucide-react";
import { useSyncExternalStore } from "react";
import { texts } from "@/texts";
import { IconButton } from "./button";

interface Toast {
  id: number;
  tone: "ok" | "bad";
  text: string;
}

// Own, and not sonner: that one writes a style element at run time, which `style-src 'self'`
// refuses.
let toasts: Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function set(changed: Toast[]) {
  toasts = changed;
  for (const listener of listeners) listener();
}

function dismiss(id: number) {
  set(toasts.filter((toast) => toast.id !== id));
}

function show(tone: Toast["tone"], text: string) {
  const id = next++;
  set([...toasts.slice(-2), { id, tone, text }]);
  // What went wrong stays longer: it may have to be read twice.
  setTimeout(() => dismiss(id), tone === "ok" ? 4000 : 9000);
}

/** Says in a corner what was done, or what could not be. */
export const toast = {
  ok: (text: string) => show("ok", text),
  bad: (error: unknown) => show("bad", error instanceof Error ? error.message : String(error)),
};

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <section
      aria-label={texts.common.notices}
      aria-live="polite"
      className="pointer-events-none fixed inset-x-4 bottom-4 z-50 flex flex-col items-end gap-2"
    >
      {shown.map(({ id, tone, text }) => (
        <div
          key={id}
          className="pointer-events-auto flex max-w-sm items-start gap-2.5 rounded-lg border border-line bg-raised py-2 pr-1.5 pl-3 text-sm shadow-pop"
        >
          {tone === "ok" ? (
            <CircleCheck className="mt-1 size-4 shrink-0 text-ok" aria-hidden />
          ) : (
            <CircleX className="mt-1 size-4 shrink-0 text-bad" aria-hidden />
          )}
          <span className="min-w-0 py-0.5 [overflow-wrap:anywhere]">{text}</span>
          <IconButton label={texts.common.dismiss} onClick={() => dismiss(id)}>
            <X aria-hidden />
          </IconButton>
        </div>
      ))}
    </section>
  );
}
