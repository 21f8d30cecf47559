import { useState } from "react";
import { type Endpoint, useEndpoint } from "@/api/endpoints";
import type { Attempt, FullMessage } from "@/api/messages";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { Code } from "@/ui/code";
import { Segments } from "@/ui/field";
import { Loading, Note } from "@/ui/states";
import { hmacCode, hmacSignedOf } from "./hmac-code";
import type { SchemeType } from "./scheme";
import { type Language, type Signed, verifyCode } from "./verify-code";

const t = texts.verify;
const LANGUAGES: Language[] = ["rust", "javascript", "python", "curl"];

/** What the attempt signed as the standard says, from the headers that it sent. */
function standardOf(attempt: Attempt, body: string): Signed | null {
  const headers = attempt.requestHeaders;
  const family = "webhook-signature" in headers ? "webhook" : "svix";
  const [id, timestamp, signature] = ["id", "timestamp", "signature"].map(
    (name) => headers[`${family}-${name}`],
  );
  return id && timestamp && signature ? { id, timestamp, signature, family, body } : null;
}

interface Choice {
  type: SchemeType;
  code: (language: Language) => string;
}

/** The signatures of an attempt that can be checked, with the programs that do. */
function choicesOf(attempt: Attempt, body: string, endpoint: Endpoint | undefined): Choice[] {
  const standard = standardOf(attempt, body);
  const choices: Choice[] = standard
    ? [{ type: "standard", code: (language) => verifyCode(language, standard) }]
    : [];
  for (const scheme of endpoint?.signatureScheme ?? []) {
    const signed = hmacSignedOf(scheme, attempt.requestHeaders, body);
    if (signed) choices.push({ type: scheme.type, code: (language) => hmacCode(language, signed) });
  }
  return choices;
}

/** Programs that check the signature of this attempt. */
export default function Verify({ attempt, full }: { attempt: Attempt; full: FullMessage }) {
  const { app } = useScope();
  const [language, setLanguage] = useState<Language>("javascript");
  const [type, setType] = useState<SchemeType | null>(null);
  // Deleted, it leaves what the standard signed.
  const endpoint = useEndpoint(app, attempt.endpointId);
  if (full.payload === null) return <Note>{t.gone}</Note>;
  if (endpoint.isPending) return <Loading lines={4} />;
  const choices = choicesOf(attempt, full.payload, endpoint.data);
  const choice = choices.find((one) => one.type === type) ?? choices[0];
  if (!choice) return <Note>{t.otherScheme}</Note>;
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h3 className="text-sm font-semibold">{t.title}</h3>
        {choices.length > 1 && (
          <Segments
            label={t.which}
            value={choice.type}
            onChange={setType}
            options={choices.map((one) => ({
              value: one.type,
              label: texts.signature.types[one.type],
            }))}
          />
        )}
        <Segments
          label={t.language}
          value={language}
          onChange={setLanguage}
          options={LANGUAGES.map((value) => ({ value, label: t.languages[value] }))}
        />
      </div>
      <p className="text-xs text-muted">{language === "curl" ? t.curlHint : t.hint}</p>
      <Code label={t.languages[language]} language="code" code={choice.code(language)} tall />
      <p className="text-xs text-muted">
        {t.secretFirst} {t.rotated}
      </p>
    </div>
  );
}
