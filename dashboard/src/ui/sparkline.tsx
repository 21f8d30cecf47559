interface SparklineProps {
  /** In words, what the bars show. */
  label: string;
  bars: { ok: number; bad: number }[];
}

const WIDTH = 96;
const HEIGHT = 24;

/** The last while in small: what went well, and above it what did not. */
export function Sparkline({ label, bars }: SparklineProps) {
  const top = Math.max(1, ...bars.map((bar) => bar.ok + bar.bad));
  const step = WIDTH / Math.max(1, bars.length);
  const height = (value: number) => (value === 0 ? 0 : Math.max(1.5, (value / top) * (HEIGHT - 2)));
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={label}
      className="h-6 w-24 shrink-0"
    >
      <title>{label}</title>
      <line x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} className="stroke-line" />
      {bars.map((bar, at) => {
        const ok = height(bar.ok);
        const bad = height(bar.bad);
        return (
          <g key={at}>
            <rect
              x={at * step + 0.5}
              width={Math.max(1, step - 1)}
              y={HEIGHT - 1 - ok}
              height={ok}
              className="fill-ok-mark"
            />
            <rect
              x={at * step + 0.5}
              width={Math.max(1, step - 1)}
              y={HEIGHT - 1 - ok - bad}
              height={bad}
              className="fill-bad-mark"
            />
          </g>
        );
      })}
    </svg>
  );
}
