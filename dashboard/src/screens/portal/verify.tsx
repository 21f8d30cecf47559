import { useState } from "react";
import type { Attempt, FullMessage } from "@/api/messages";
import { texts } from "@/texts";
import { Code } from "@/ui/code";
import { Segments } from "@/ui/field";
import { Note } from "@/ui/states";
import { type Language, type Signed, verifyCode } from "./verify-code";

const t = texts.verify;
const LANGUAGES: Language[] = ["rust", "javascript", "python", "curl"];

/** What the attempt signed, from the headers that it sent. */
export function signedOf(attempt: Attempt, full: FullMessage): Signed | null {
  const headers = attempt.requestHeaders;
  const family = "webhook-signature" in headers ? "webhook" : "svix";
  const [id, timestamp, signature] = ["id", "timestamp", "signature"].map(
    (name) => headers[`${family}-${name}`],
  );
  if (!id || !timestamp || !signature || full.payload === null) return null;
  return {
    id,
    timestamp,
    signature,
    family,
    eventType: full.message.eventType,
    body: full.payload,
  };
}

/** Programs that check the signature of this attempt. */
export default function Verify({ attempt, full }: { attempt: Attempt; full: FullMessage }) {
  const [language, setLanguage] = useState<Language>("javascript");
  const signed = signedOf(attempt, full);
  if (!signed) return <Note>{t.gone}</Note>;
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h3 className="text-sm font-semibold">{t.title}</h3>
        <Segments
          label={t.language}
          value={language}
          onChange={setLanguage}
          options={LANGUAGES.map((value) => ({ value, label: t.languages[value] }))}
        />
      </div>
      <p className="text-xs text-muted">{language === "curl" ? t.curlHint : t.hint}</p>
      <Code
        label={t.languages[language]}
        language="code"
        code={verifyCode(language, signed)}
        tall
      />
      <p className="text-xs text-muted">
        {t.secretFirst} {t.rotated}
      </p>
    </div>
  );
}
