import { lazy, Suspense, useState } from "react";
import type { Attempt, FullMessage } from "@/api/messages";
import { texts } from "@/texts";
import { milliseconds } from "@/texts/format";
import { Code } from "@/ui/code";
import { readable } from "@/ui/highlight";
import { Facts } from "@/ui/layout";
import { Loading, Note } from "@/ui/states";
import { Tabs } from "@/ui/tabs";
import { Ago, At } from "@/ui/time";
import { StateBadge } from "./delivery-state";

const Verify = lazy(() => import("@/screens/signing/verify"));
const t = texts.attempts;

interface AttemptProps {
  attempt: Attempt;
  full: FullMessage;
}

/** One attempt: how it ended and why, what was sent, what came back, and how to check it. */
export function AttemptDetails({ attempt, full }: AttemptProps) {
  const [tab, setTab] = useState("response");
  return (
    <div className="flex min-w-0 flex-col gap-4 p-4">
      <Facts
        columns
        facts={[
          { label: t.columns.status, value: <StateBadge state={attempt.statusText} /> },
          { label: t.columns.code, value: attempt.responseStatusCode || t.noCode },
          { label: t.columns.duration, value: milliseconds(attempt.responseDurationMs) },
          { label: t.columns.when, value: <At time={attempt.timestamp} precise /> },
          {
            label: t.next,
            value: (
              <>
                {attempt.nextAttemptAt && (
                  <>
                    {Date.parse(attempt.nextAttemptAt) > Date.now() ? (
                      <Ago time={attempt.nextAttemptAt} everyMs={1_000} />
                    ) : (
                      <At time={attempt.nextAttemptAt} />
                    )}
                    {", "}
                  </>
                )}
                {t.nextReason[attempt.nextAttemptReason] ?? attempt.nextAttemptReason}
              </>
            ),
          },
        ]}
      />
      {attempt.failure && (
        <Note tone="bad">
          <span className="font-medium">{t.why}: </span>
          {failureInWords(attempt)}
        </Note>
      )}
      <Tabs
        label={t.nth(attempt.attemptNumber)}
        value={tab}
        onChange={setTab}
        tabs={[
          { value: "response", label: t.response, content: <Response attempt={attempt} /> },
          {
            value: "request",
            label: t.request,
            content: <Request attempt={attempt} full={full} />,
          },
          {
            value: "verify",
            label: t.verify,
            content: (
              <Suspense fallback={<Loading lines={4} />}>
                <Verify attempt={attempt} full={full} />
              </Suspense>
            ),
          },
        ]}
      />
    </div>
  );
}

/** What went wrong and what to do about it. */
function failureInWords(attempt: Attempt): string {
  const code = attempt.responseStatusCode;
  if (attempt.failure !== "http" || code === 0) {
    return t.failure[attempt.failure ?? ""] ?? attempt.response;
  }
  const hint = t.httpHints[code] ?? (code >= 300 && code < 400 ? t.redirect : "");
  return `${t.failure.http} ${code}. ${hint}`.trim();
}

function headerLines(headers: [string, string][]): string {
  return headers.map(([name, value]) => `${name}: ${value}`).join("\n");
}

function Response({ attempt }: { attempt: Attempt }) {
  const headers = attempt.responseHeaders as [string, string][] | null;
  if (headers === null || attempt.responseStatusCode === 0) {
    return (
      <div className="flex flex-col gap-3 text-sm">
        <p className="text-muted">{t.noResponse}</p>
        {attempt.response && <Code label={t.why} code={attempt.response} wrap />}
      </div>
    );
  }
  const body = readable(attempt.response);
  return (
    <div className="flex flex-col gap-3">
      {headers.length > 0 && <Code label={t.responseHeaders} code={headerLines(headers)} />}
      {attempt.response ? (
        <Code label={t.responseBody} code={body.text} language={body.language} wrap />
      ) : (
        <p className="text-sm text-muted">{t.noBody}</p>
      )}
    </div>
  );
}

/** The request as it went over the wire, as far as it is recorded. */
function Request({ attempt, full }: AttemptProps) {
  const url = new URL(attempt.url);
  const recorded = Object.entries(attempt.requestHeaders).map(([name, value]): [string, string] => [
    name,
    value ?? t.hiddenValue,
  ]);
  const head = [
    `POST ${url.pathname}${url.search} HTTP/1.1`,
    `host: ${url.host}`,
    headerLines(recorded),
  ].join("\n");
  return (
    <div className="flex flex-col gap-3">
      <p className="text-xs text-muted">{t.requestHint}</p>
      <Code label={t.request} code={`${head}\n\n${full.payload ?? ""}`} tall wrap />
    </div>
  );
}
