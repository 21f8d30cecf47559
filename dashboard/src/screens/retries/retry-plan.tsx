import { texts } from "@/texts";
import { Badge } from "@/ui/badge";
import { exactSpan, span } from "@/ui/span";
import { planOf, type RetryPolicy } from "./retry";

const t = texts.retries;

/** The times at which a failing delivery is tried. */
export function RetryPlan({ policy }: { policy: RetryPolicy }) {
  const { times, more, end } = planOf(policy);
  if (times.length === 1) return <p className="text-sm">{t.once}</p>;
  const attempts = more ? t.moreThan(times.length) : t.attempts(times.length);
  // A schedule's times are exact, those that grow only nearly so.
  const shown = policy.type === "schedule" ? exactSpan : span;
  return (
    <div className="flex flex-col gap-2 text-sm">
      <p>{t.over(attempts, exactSpan(end))}</p>
      <ol aria-label={t.times} className="flex flex-wrap gap-1">
        {times.map((seconds, at) => (
          <li key={at} className="tabular flex">
            <Badge>{at === 0 ? t.first : shown(seconds)}</Badge>
          </li>
        ))}
        {more && <li className="text-xs text-muted">{t.andSoOn}</li>}
      </ol>
    </div>
  );
}
