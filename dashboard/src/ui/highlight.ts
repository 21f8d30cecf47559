/** What a piece of code is; `""` is anything else. */
export type Kind = "" | "key" | "string" | "number" | "word" | "comment";

export interface Piece {
  kind: Kind;
  text: string;
}

const JSON_PIECES =
  /(?<key>"(?:\\.|[^"\\])*"(?=\s*:))|(?<string>"(?:\\.|[^"\\])*")|(?<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<word>\b(?:true|false|null)\b)/g;

const CODE_PIECES =
  /(?<comment>(?:\/\/|#(?!\[)).*$)|(?<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`)|(?<number>\b\d[\d_]*\b)|(?<word>\b(?:use|let|const|fn|if|else|match|return|import|from|as|def|for|in|not|and|or|await|async|throw|new|raise|print|echo|export|true|false|None)\b)/gm;

/** Beyond this much text colour costs more time than it saves. */
const MAX_COLOURED = 100_000;

/** Code in pieces that can be coloured; put together they are the code again. */
export function pieces(code: string, language: "json" | "code" | "text"): Piece[] {
  if (language === "text" || code.length > MAX_COLOURED) return [{ kind: "", text: code }];
  const found: Piece[] = [];
  let end = 0;
  for (const match of code.matchAll(language === "json" ? JSON_PIECES : CODE_PIECES)) {
    if (match.index > end) found.push({ kind: "", text: code.slice(end, match.index) });
    const kind = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined)?.[0];
    found.push({ kind: (kind ?? "") as Kind, text: match[0] });
    end = match.index + match[0].length;
  }
  if (end < code.length) found.push({ kind: "", text: code.slice(end) });
  return found;
}

/** JSON with line breaks for reading; anything else as it is. */
export function readable(text: string): { text: string; language: "json" | "text" } {
  const trimmed = text.trim();
  if (!/^[[{"]/.test(trimmed)) return { text, language: "text" };
  try {
    return { text: JSON.stringify(JSON.parse(trimmed), null, 2), language: "json" };
  } catch {
    return { text, language: "text" };
  }
}
