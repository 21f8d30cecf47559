import { count } from "@/texts/format";
import { cx } from "./cx";

interface ProgressProps {
  label: string;
  done: number;
  /** Unknown as long as it is being counted. */
  total: number | null;
}

/** How far something is. */
export function Progress({ label, done, total }: ProgressProps) {
  const share = total ? Math.min(1, done / total) : 0;
  return (
    <div className="flex items-center gap-3">
      <div
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={total ?? undefined}
        aria-valuenow={total === null ? undefined : done}
        className="h-1.5 min-w-16 flex-1 overflow-hidden rounded-full bg-sunken"
      >
        <div
          className={cx("h-full rounded-full bg-accent", total === null && "skeleton w-1/3")}
          style={total === null ? undefined : { width: `${share * 100}%` }}
        />
      </div>
      <span className="tabular text-xs text-muted">
        {count(done)}
        {total !== null && ` / ${count(total)}`}
      </span>
    </div>
  );
}
