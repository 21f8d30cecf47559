import { Check, Copy } from "lucide-react";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { texts } from "@/texts";
import { IconButton } from "./button";
import { cx } from "./cx";
import { pieces } from "./highlight";
import { toast } from "./toast";

export function CopyButton({ text, label }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1500);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
    } catch {
      // Inside a frame the browser may refuse.
      toast.bad(texts.common.copyRefused);
    }
  };
  return (
    <IconButton
      label={done ? texts.common.copied : (label ?? texts.common.copy)}
      onClick={copy}
      className="relative z-10"
    >
      {done ? <Check className="text-ok" aria-hidden /> : <Copy aria-hidden />}
    </IconButton>
  );
}

interface CodeProps {
  code: string;
  language?: "json" | "code" | "text";
  /** What it is: its heading, and its name for screen readers. */
  label: string;
  actions?: ReactNode;
  /** Taller code scrolls. */
  tall?: boolean;
  wrap?: boolean;
}

export function Code({ code, language = "text", label, actions, tall, wrap }: CodeProps) {
  const parts = useMemo(() => pieces(code, language), [code, language]);
  return (
    <div className="overflow-hidden rounded-md border border-line bg-sunken">
      <div className="flex h-9 items-center justify-between gap-2 border-b border-line pr-1 pl-3">
        <span className="truncate text-xs font-medium text-muted">{label}</span>
        <span className="flex items-center gap-1">
          {actions}
          <CopyButton text={code} />
        </span>
      </div>
      {/* Scrolling areas can be reached by keyboard. */}
      <section
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        tabIndex={0}
        aria-label={label}
        className={cx(
          "overflow-auto focus-visible:-outline-offset-2",
          tall ? "max-h-[32rem]" : "max-h-72",
        )}
      >
        <pre
          className={cx(
            "min-w-full px-3 py-2.5 font-mono text-xs leading-5",
            wrap ? "whitespace-pre-wrap [overflow-wrap:anywhere]" : "w-max",
          )}
        >
          <code>
            {parts.map((part, at) =>
              part.kind ? (
                <span key={at} className={`hl-${part.kind}`}>
                  {part.text}
                </span>
              ) : (
                part.text
              ),
            )}
          </code>
        </pre>
      </section>
    </div>
  );
}

/** An id, or another word of code in a line, ready to be copied. */
export function Mono({ text, copy }: { text: string; copy?: boolean }) {
  return (
    <span className="inline-flex max-w-full items-center gap-0.5">
      <code className="truncate font-mono text-xs" title={text}>
        {text}
      </code>
      {copy && <CopyButton text={text} />}
    </span>
  );
}
