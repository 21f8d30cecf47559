import { texts } from "@/texts";

export type UrlVerdict =
  | { ok: true; url: string; warning?: string }
  | { ok: false; problem: string };

const MAX_URL = 2048;
const LOCAL = /^(localhost|127(\.\d+){3}|\[::1\]|.*\.localhost)$/i;

/** Whether the API would take it as an endpoint's URL, by the same rules as it. */
export function checkUrl(text: string): UrlVerdict {
  const t = texts.endpoints;
  const no = (problem: string): UrlVerdict => ({ ok: false, problem });
  const trimmed = text.trim();
  if (trimmed === "") return no(t.urlProblems.empty);
  if (trimmed.length > MAX_URL) return no(t.urlProblems.tooLong);
  if (!URL.canParse(trimmed)) return no(t.urlProblems.notUrl);
  const url = new URL(trimmed);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    // `example.com:8080/x` parses, with `example.com:` for its scheme.
    return no(trimmed.includes("://") ? t.urlProblems.scheme : t.urlProblems.notUrl);
  }
  if (url.username !== "" || url.password !== "") return no(t.urlProblems.credentials);
  if (trimmed.includes("#")) return no(t.urlProblems.fragment);
  if (url.port === "0") return no(t.urlProblems.port);
  const warning = LOCAL.test(url.hostname)
    ? t.urlWarnings.local
    : url.protocol === "http:"
      ? t.urlWarnings.http
      : undefined;
  return { ok: true, url: url.href, warning };
}
