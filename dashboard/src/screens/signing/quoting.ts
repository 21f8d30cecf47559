/**
 * A JSON string is a string of JavaScript and of Python too, once what Python reads otherwise
 * (nothing) and what ends lines in old JavaScript (U+2028, U+2029) are escaped.
 */
export const quoted = (text: string) =>
  JSON.stringify(text).replace(
    /[\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16)}`,
  );

/** A string of Rust: raw where that can be read, with as many hashes as it takes. */
export function rustString(text: string): string {
  // A raw string cannot hold a lone CR.
  if (text.includes("\r") || !/["\\\n]/.test(text)) {
    const escaped = text.replace(/[\\"]/g, "\\$&").replace(/\r/g, "\\r").replace(/\n/g, "\\n");
    return `"${escaped}"`;
  }
  let hashes = "#";
  while (text.includes(`"${hashes}`)) hashes += "#";
  return `r${hashes}"${text}"${hashes}`;
}

/** One word of a shell, whatever is in it. */
export const shellWord = (text: string) => `'${text.replace(/'/g, `'\\''`)}'`;
