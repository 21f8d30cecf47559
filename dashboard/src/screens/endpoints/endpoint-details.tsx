import { type Endpoint, useHeaders } from "@/api/endpoints";
import { RetryPlan } from "@/screens/retries/retry-plan";
import { headersOf } from "@/screens/signing/scheme";
import { SecretCard } from "@/screens/signing/secret-card";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { Words } from "@/ui/badge";
import { Mono } from "@/ui/code";
import { Card, Facts } from "@/ui/layout";
import { At } from "@/ui/time";

const t = texts.endpoints.page;

/** How an endpoint is set up, and its secrets. */
export function EndpointDetails({ endpoint }: { endpoint: Endpoint }) {
  const { app } = useScope();
  const headers = useHeaders(app, endpoint.id);
  const names = headers.data
    ? [...Object.keys(headers.data.headers), ...headers.data.sensitive]
    : [];
  const kinds = [...new Set(endpoint.signatureScheme.map((scheme) => scheme.type))];
  return (
    <div className="grid items-start gap-5 lg:grid-cols-2">
      <div className="flex min-w-0 flex-col gap-5">
        {kinds.map((kind) => (
          <SecretCard
            key={kind}
            endpoint={endpoint.id}
            scheme={kind}
            amongOthers={kinds.length > 1}
          />
        ))}
      </div>
      <Card title={t.tabs.details}>
        <Facts
          facts={[
            { label: t.id, value: <Mono text={endpoint.id} copy /> },
            ...(endpoint.uid ? [{ label: t.uid, value: <Mono text={endpoint.uid} copy /> }] : []),
            {
              label: t.events,
              value: endpoint.eventTypes ? <Words words={endpoint.eventTypes} /> : t.allEvents,
            },
            {
              label: t.channels,
              value: endpoint.channels ? <Words words={endpoint.channels} /> : t.anyChannel,
            },
            {
              label: t.headers,
              value: names.length > 0 ? <Words words={names} /> : texts.common.none,
            },
            {
              label: t.throttle,
              value: endpoint.throttleRate ? t.perSecond(endpoint.throttleRate) : t.noThrottle,
            },
            {
              label: t.timeout,
              value: endpoint.timeoutSeconds
                ? `${endpoint.timeoutSeconds} ${t.secondsUnit}`
                : t.timeoutDefault,
            },
            { label: t.signed, value: <Schemes endpoint={endpoint} /> },
            {
              label: t.retries,
              value: endpoint.retryPolicy ? (
                <RetryPlan policy={endpoint.retryPolicy} />
              ) : (
                texts.retries.byDefault
              ),
            },
            { label: t.created, value: <At time={endpoint.createdAt} /> },
          ]}
        />
      </Card>
    </div>
  );
}

function Schemes({ endpoint }: { endpoint: Endpoint }) {
  return (
    <ul className="flex flex-col gap-1">
      {endpoint.signatureScheme.map((scheme) => (
        <li key={scheme.type}>
          {texts.signature.types[scheme.type]}
          <Words words={headersOf(scheme, endpoint.headerFamily)} />
        </li>
      ))}
    </ul>
  );
}
