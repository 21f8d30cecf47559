import type { Endpoint } from "@/api/endpoints";
import type { EndpointFigures } from "@/api/stats";
import { texts } from "@/texts";
import { Badge, type Tone } from "@/ui/badge";

export type Health = "disabled" | "failing" | "healthy" | "idle";

type Figures = Pick<EndpointFigures, "series" | "failingSince">;

/** How an endpoint does: by what the server says of it, else by the last part of the day with attempts. */
export function healthOf(endpoint: Pick<Endpoint, "disabled">, figures?: Figures): Health {
  if (endpoint.disabled) return "disabled";
  if (figures?.failingSince) return "failing";
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
