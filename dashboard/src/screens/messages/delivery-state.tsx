import { texts } from "@/texts";
import { Badge, type Tone } from "@/ui/badge";

const TONES: Record<string, Tone> = {
  success: "ok",
  pending: "accent",
  fail: "bad",
  sending: "warn",
  canceled: "neutral",
};

/** How a delivery or an attempt stands, as a word. */
export function StateBadge({ state }: { state: string }) {
  return (
    <Badge tone={TONES[state] ?? "neutral"} dot>
      {texts.attempts.state[state] ?? state}
    </Badge>
  );
}
