/** A round number at or above `value`, for the top of an axis. */
export function niceTop(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 1.5, 2, 3, 4, 5, 8, 10]) {
    if (step * power >= value) return step * power;
  }
  return 10 * power;
}

/** The path through the points; a hole where a value is missing. */
export function linePath(
  values: (number | null)[],
  x: (at: number) => number,
  y: (v: number) => number,
) {
  let path = "";
  let drawing = false;
  values.forEach((value, at) => {
    if (value === null) {
      drawing = false;
      return;
    }
    path += `${drawing ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    drawing = true;
  });
  return path;
}

/** The points that stand alone between holes: lines without length, seen by their round ends. */
export function lonePath(
  values: (number | null)[],
  x: (at: number) => number,
  y: (v: number) => number,
): string {
  const missing = (at: number) => (values[at] ?? null) === null;
  return values
    .map((value, at) =>
      value !== null && missing(at - 1) && missing(at + 1)
        ? `M${x(at).toFixed(1)} ${y(value).toFixed(1)}h0`
        : "",
    )
    .join("");
}
