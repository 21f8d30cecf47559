import type { ReactNode } from "react";
import { cx } from "./cx";

export type Tone = "neutral" | "accent" | "ok" | "warn" | "bad";

const TONES: Record<Tone, string> = {
  neutral: "bg-sunken text-muted",
  accent: "bg-accent-soft text-accent-text",
  ok: "bg-ok-soft text-ok",
  warn: "bg-warn-soft text-warn",
  bad: "bg-bad-soft text-bad",
};

const DOTS: Record<Tone, string> = {
  neutral: "bg-line-strong",
  accent: "bg-accent",
  ok: "bg-ok-mark",
  warn: "bg-warn-mark",
  bad: "bg-bad-mark",
};

interface BadgeProps {
  tone?: Tone;
  dot?: boolean;
  mono?: boolean;
  title?: string;
  children: ReactNode;
}

export function Badge({ tone = "neutral", dot, mono, title, children }: BadgeProps) {
  return (
    <span
      title={title}
      className={cx(
        "inline-flex max-w-full items-center gap-1.5 rounded-sm px-1.5 text-xs leading-5 font-medium whitespace-nowrap",
        mono && "font-mono font-normal",
        TONES[tone],
      )}
    >
      {dot && <Dot tone={tone} />}
      <span className="truncate">{children}</span>
    </span>
  );
}

/** Words of a machine, each in a badge of its own. */
export function Words({ words }: { words: string[] }) {
  return (
    <span className="flex flex-wrap gap-1">
      {words.map((word) => (
        <Badge key={word} mono>
          {word}
        </Badge>
      ))}
    </span>
  );
}

/** A mark of a state; never alone, the word stands beside it. */
export function Dot({ tone = "neutral" }: { tone?: Tone }) {
  return <span aria-hidden className={cx("size-2 shrink-0 rounded-full", DOTS[tone])} />;
}
