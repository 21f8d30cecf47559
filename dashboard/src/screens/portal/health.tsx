import type { Endpoint } from "@/api/endpoints";
import type { EndpointFigures } from "@/api/stats";
import { texts } from "@/texts";
import { Badge, type Tone } from "@/ui/badge";

export type Health = "disabled" | "failing" | "healthy" | "idle";

type Series = Pick<EndpointFigures, "series">;

/** How an endpoint does, judged by the youngest part of the last day that has any attempts. */
export function healthOf(endpoint: Pick<Endpoint, "disabled">, figures?: Series): Health {
  if (endpoint.disabled) return "disabled";
  const last = figures?.series.findLast((part) => part.succeeded + part.failed > 0);
  if (!last) return "idle";
  return last.succeeded === 0 ? "failing" : "healthy";
}

const TONES: Record<Health, Tone> = {
  disabled: "neutral",
  failing: "bad",
  healthy: "ok",
  idle: "neutral",
};

export function HealthBadge({ health, reason }: { health: Health; reason?: string | null }) {
  const title = health === "disabled" && reason ? texts.endpoints.disabledBy[reason] : undefined;
  return (
    <Badge tone={TONES[health]} dot title={title}>
      {texts.endpoints.health[health]}
    </Badge>
  );
}
