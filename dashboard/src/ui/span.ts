const UNITS: [number, string][] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

function inUnits(seconds: number, most: number): string {
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [size, unit] of UNITS) {
    if (rest >= size && parts.length < most) {
      parts.push(`${Math.floor(rest / size)} ${unit}`);
      rest %= size;
    }
  }
  return parts.join(" ") || "0 s";
}

/** A length of time in the two largest units that it has. */
export const span = (seconds: number) => inUnits(seconds, 2);

/** A whole number of seconds in all the units that it has; [`parseSpan`] reads it back. */
export const exactSpan = (seconds: number) => inUnits(seconds, UNITS.length);

const NAMES = ["d(?:ays?)?", "h(?:ours?)?", "m(?:in(?:ute)?s?)?", "s(?:ec(?:ond)?s?)?"];
const SPAN = new RegExp(`^${NAMES.map((name) => `(?:(\\d+)\\s*${name})?`).join("\\s*")}$`, "i");

/** Whole seconds of a text such as `90`, `5 min` or `1h 30m`; null if it is none. */
export function parseSpan(text: string): number | null {
  const wanted = text.trim();
  if (/^\d+$/.test(wanted)) return Number(wanted);
  const parts = wanted === "" ? null : SPAN.exec(wanted);
  if (!parts) return null;
  return UNITS.reduce((sum, [size], at) => sum + size * Number(parts[at + 1] ?? 0), 0);
}
