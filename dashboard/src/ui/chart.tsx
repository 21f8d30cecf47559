import { type PointerEvent, useRef, useState } from "react";
import { texts } from "@/texts";
import { linePath, lonePath, niceTop } from "./chart-scale";
import { cx } from "./cx";

export type Colour = "accent" | "ok" | "bad" | "warn" | "faint";

const FILLS: Record<Colour, string> = {
  accent: "fill-accent",
  ok: "fill-ok-mark",
  bad: "fill-bad-mark",
  warn: "fill-warn-mark",
  faint: "fill-line-strong",
};
const STROKES: Record<Colour, string> = {
  accent: "stroke-accent",
  ok: "stroke-ok-mark",
  bad: "stroke-bad-mark",
  warn: "stroke-warn-mark",
  faint: "stroke-line-strong",
};
const DOTS: Record<Colour, string> = {
  accent: "bg-accent",
  ok: "bg-ok-mark",
  bad: "bg-bad-mark",
  warn: "bg-warn-mark",
  faint: "bg-line-strong",
};

export interface Series {
  label: string;
  colour: Colour;
  values: (number | null)[];
}

interface ChartProps {
  title: string;
  /** `bars` are stacked, `lines` are not. */
  kind: "bars" | "lines";
  /** What stands at each place of the axis. */
  labels: string[];
  series: Series[];
  format: (value: number) => string;
}

const WIDTH = 640;
const HEIGHT = 168;
const TOP = 8;
const BASE = 148;

/** A chart drawn by hand, with the same figures as a table behind it. */
export function Chart({ title, kind, labels, series, format }: ChartProps) {
  const [at, setAt] = useState<number | null>(null);
  const [asTable, setAsTable] = useState(false);
  const box = useRef<SVGSVGElement>(null);
  const sums = labels.map((_, place) =>
    series.reduce((sum, one) => sum + (one.values[place] ?? 0), 0),
  );
  const tops = kind === "bars" ? sums : series.flatMap((one) => one.values.map((v) => v ?? 0));
  const top = niceTop(Math.max(0, ...tops));
  const step = WIDTH / Math.max(1, labels.length);
  const y = (value: number) => BASE - (value / top) * (BASE - TOP);
  const middle = (place: number) => place * step + step / 2;
  const point = (event: PointerEvent) => {
    const rect = box.current?.getBoundingClientRect();
    if (!rect) return;
    const place = Math.floor(((event.clientX - rect.left) / rect.width) * labels.length);
    setAt(Math.min(labels.length - 1, Math.max(0, place)));
  };
  return (
    <figure className="min-w-0">
      <figcaption className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 pb-2">
        <span className="text-sm font-semibold">{title}</span>
        <span className="flex flex-wrap items-center gap-x-3 text-xs text-muted">
          {series.map((one) => (
            <span key={one.label} className="flex items-center gap-1.5">
              <span aria-hidden className={cx("size-2 rounded-xs", DOTS[one.colour])} />
              {one.label}
              {at !== null && (
                <b className="tabular font-medium text-text">
                  {one.values[at] === null || one.values[at] === undefined
                    ? "–"
                    : format(one.values[at])}
                </b>
              )}
            </span>
          ))}
          {at !== null && <span className="tabular">{labels[at]}</span>}
          <button
            type="button"
            aria-pressed={asTable}
            onClick={() => setAsTable(!asTable)}
            className="rounded-sm px-1 text-accent-text hover:underline"
          >
            {asTable ? texts.charts.asChart : texts.charts.asTable}
          </button>
        </span>
      </figcaption>
      {asTable ? (
        <ChartTable title={title} labels={labels} series={series} format={format} />
      ) : (
        <div className="relative">
          <span className="tabular absolute -top-0.5 left-0 bg-surface pr-1.5 text-xs text-faint">
            {format(top)}
          </span>
          <svg
            ref={box}
            viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
            preserveAspectRatio="none"
            className="h-42 w-full"
            role="img"
            aria-label={`${title}. ${texts.charts.tableHint}`}
            onPointerMove={point}
            onPointerLeave={() => setAt(null)}
          >
            {[TOP, (TOP + BASE) / 2, BASE].map((line) => (
              <line
                key={line}
                x1={0}
                x2={WIDTH}
                y1={line}
                y2={line}
                className="stroke-line"
                vectorEffect="non-scaling-stroke"
              />
            ))}
            {at !== null && (
              <rect x={at * step} width={step} y={TOP} height={BASE - TOP} className="fill-hover" />
            )}
            {kind === "bars"
              ? labels.map((label, place) => (
                  <Bar
                    key={label}
                    x={place * step}
                    step={step}
                    place={place}
                    series={series}
                    y={y}
                  />
                ))
              : series.map((one) => (
                  <g
                    key={one.label}
                    className={cx("fill-none", STROKES[one.colour])}
                    strokeLinecap="round"
                    strokeLinejoin="round"
                  >
                    <path
                      d={linePath(one.values, middle, y)}
                      className="stroke-2"
                      vectorEffect="non-scaling-stroke"
                    />
                    <path
                      d={lonePath(one.values, middle, y)}
                      className="stroke-5"
                      vectorEffect="non-scaling-stroke"
                    />
                  </g>
                ))}
          </svg>
          {tops.every((value) => value === 0) && (
            <p className="absolute inset-x-0 top-[40%] text-center text-sm text-faint">
              <span className="bg-surface px-2">{texts.charts.nothing}</span>
            </p>
          )}
          <div className="tabular -mt-4 flex justify-between text-xs text-faint">
            <span>{labels[0]}</span>
            <span>{labels.at(-1)}</span>
          </div>
        </div>
      )}
    </figure>
  );
}

interface BarProps {
  x: number;
  step: number;
  place: number;
  series: Series[];
  y: (value: number) => number;
}

function Bar({ x, step, place, series, y }: BarProps) {
  const gap = Math.min(2, step * 0.2);
  let below = 0;
  return (
    <g>
      {series.map((one) => {
        const value = one.values[place] ?? 0;
        if (value === 0) return null;
        const from = y(below);
        below += value;
        const to = y(below);
        return (
          <rect
            key={one.label}
            x={x + gap / 2}
            width={step - gap}
            y={to}
            height={Math.max(1, from - to)}
            className={FILLS[one.colour]}
          />
        );
      })}
    </g>
  );
}

type ChartTableProps = Pick<ChartProps, "title" | "labels" | "series" | "format">;

function ChartTable({ title, labels, series, format }: ChartTableProps) {
  return (
    <section
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
      tabIndex={0}
      aria-label={title}
      className="h-42 overflow-auto rounded-md border border-line"
    >
      <table className="w-full text-xs">
        <caption className="sr-only">{title}</caption>
        <thead className="sticky top-0 bg-sunken text-muted">
          <tr>
            <th scope="col" className="px-3 py-1 text-left font-medium">
              {texts.charts.time}
            </th>
            {series.map((one) => (
              <th key={one.label} scope="col" className="px-3 py-1 text-right font-medium">
                {one.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {labels.map((label, place) => (
            <tr key={label} className="border-t border-line">
              <th scope="row" className="px-3 py-1 text-left font-normal">
                {label}
              </th>
              {series.map((one) => {
                const value = one.values[place];
                return (
                  <td key={one.label} className="px-3 py-1 text-right">
                    {value === null || value === undefined ? "–" : format(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
