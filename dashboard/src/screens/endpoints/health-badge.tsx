import type { Health } from "@/api/health";
import { texts } from "@/texts";
import { Badge, type Tone } from "@/ui/badge";

const TONES: Record<Health, Tone> = {
  disabled: "neutral",
  failing: "bad",
  healthy: "ok",
  idle: "neutral",
};

/** How an endpoint does, as a word; why it is disabled, when pointed at. Nothing until it is known. */
export function HealthBadge({ health, reason }: { health?: Health; reason?: string | null }) {
  if (!health) return null;
  const title = health === "disabled" && reason ? texts.endpoints.disabledBy[reason] : undefined;
  return (
    <Badge tone={TONES[health]} dot title={title}>
      {texts.endpoints.health[health]}
    </Badge>
  );
}
