// How numbers, times and sizes are written. It goes with the words: both are of one language.

const NUMBER = new Intl.NumberFormat("en");
const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });
const DAY_TIME = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
});

export const count = (value: number) => NUMBER.format(value);
export const compact = (value: number) => (value < 10_000 ? count(value) : COMPACT.format(value));

/** So many in a time, with as many digits as say something; what is less than one in a hundred of it, so. */
export function rate(value: number): string {
  if (value === 0 || value >= 100) return compact(Math.round(value));
  if (value < 0.01) return "< 0.01";
  return value.toPrecision(value < 1 ? 1 : 2);
}

/** A share of a whole; nothing of nothing is no share. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return "–";
  const share = (100 * part) / whole;
  // Never rounds a failure away.
  if (share > 99.9 && part < whole) return "99.9 %";
  if (share < 0.1 && part > 0) return "0.1 %";
  return `${share === 100 || share === 0 ? share : share.toFixed(1)} %`;
}

export function milliseconds(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** How long from `now` on, or how long ago. */
export function relative(time: Date, now: Date): string {
  const seconds = Math.round((time.getTime() - now.getTime()) / 1000);
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return RELATIVE.format(Math.trunc(seconds / size), unit);
  }
  return Math.abs(seconds) < 5 ? RELATIVE.format(0, "second") : RELATIVE.format(seconds, "second");
}

export const full = (time: Date) => FULL.format(time);
export const dayAndTime = (time: Date) => DAY_TIME.format(time);

export function bytes(size: number): string {
  if (size < 1024) return `${size} B`;
  const kib = size / 1024;
  return kib < 1024 ? `${kib.toFixed(kib < 10 ? 1 : 0)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}
