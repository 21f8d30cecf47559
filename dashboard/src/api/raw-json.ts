/**
 * The text of one member of a JSON object, exactly as it stands there; undefined if there is none.
 *
 * What is signed are bytes: `JSON.parse` and back would lose how numbers, escapes and spaces were
 * written, and a signature checked over that would fail.
 */
export function rawMember(json: string, name: string): string | undefined {
  let at = skipSpace(json, 0);
  if (json[at] !== "{") return undefined;
  at = skipSpace(json, at + 1);
  while (at < json.length && json[at] === '"') {
    const keyEnd = endOfString(json, at);
    const key = JSON.parse(json.slice(at, keyEnd)) as string;
    at = skipSpace(json, keyEnd);
    if (json[at] !== ":") return undefined;
    const start = skipSpace(json, at + 1);
    const end = endOfValue(json, start);
    if (key === name) return json.slice(start, end).trimEnd();
    at = skipSpace(json, end);
    if (json[at] === ",") at = skipSpace(json, at + 1);
  }
  return undefined;
}

function skipSpace(json: string, from: number): number {
  let at = from;
  while (at < json.length && /\s/.test(json[at] as string)) at += 1;
  return at;
}

/** Behind the string that begins at `from`. */
function endOfString(json: string, from: number): number {
  let at = from + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** Behind the value that begins at `from`. */
function endOfValue(json: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < json.length) {
    const char = json[at];
    if (char === '"') {
      at = endOfString(json, at);
      continue;
    }
    if (char === "{" || char === "[") depth += 1;
    if (char === "}" || char === "]") {
      if (depth === 0) return at;
      depth -= 1;
    }
    if (char === "," && depth === 0) return at;
    at += 1;
  }
  return at;
}
