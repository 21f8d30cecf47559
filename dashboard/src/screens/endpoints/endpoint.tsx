import { useParams } from "@tanstack/react-router";
import { Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { type Endpoint, useDeleteEndpoint, useEndpoint, useRecoverPreview } from "@/api/endpoints";
import { useHealth } from "@/api/health";
import { useRights } from "@/session/store";
import { Link, useAddress, useGo } from "@/shell/link";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { CopyButton } from "@/ui/code";
import { Confirm } from "@/ui/dialog";
import { Page } from "@/ui/layout";
import { MoreMenu } from "@/ui/menu";
import { Failed, Loading, Note } from "@/ui/states";
import { Tabs } from "@/ui/tabs";
import { At } from "@/ui/time";
import { toast } from "@/ui/toast";
import { EndpointAttempts } from "./endpoint-attempts";
import { EndpointDetails } from "./endpoint-details";
import { EndpointFigures } from "./endpoint-figures";
import { HealthBadge } from "./health-badge";
import { Recover } from "./recover";
import { SendExample } from "./send-example";
import { SwitchEndpoint, sinceDisabled } from "./switch-endpoint";

const t = texts.endpoints;

/** One endpoint: how it does, what was tried, what can be sent again, and how it is set up. */
export default function EndpointPage() {
  const { app } = useScope();
  const { endpoint } = useParams({ strict: false }) as { endpoint: string };
  const query = useEndpoint(app, endpoint);
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Loading lines={8} />;
  return <Shown endpoint={query.data} />;
}

function Shown({ endpoint }: { endpoint: Endpoint }) {
  const { app, base } = useScope();
  const rights = useRights();
  const [address, change] = useAddress();
  const health = useHealth(app, endpoint);
  const tabs = [
    {
      value: "activity",
      label: t.page.tabs.activity,
      content: (
        <div className="flex flex-col gap-5">
          <EndpointFigures endpoint={endpoint.id} />
          <EndpointAttempts endpoint={endpoint.id} />
        </div>
      ),
    },
    {
      value: "recover",
      label: t.page.tabs.recover,
      content: <Recover endpoint={endpoint.id} disabled={endpoint.disabled} />,
    },
    {
      value: "details",
      label: t.page.tabs.details,
      content: <EndpointDetails endpoint={endpoint} />,
    },
  ];
  return (
    <Page
      crumb={
        <Link to={`${base}/endpoints`} className="hover:underline">
          ← {t.title}
        </Link>
      }
      title={
        <span className="inline-flex items-center gap-1">
          {endpoint.url}
          <CopyButton text={endpoint.url} />
        </span>
      }
      badge={<HealthBadge health={health} reason={endpoint.disabledReason} />}
      subtitle={endpoint.description || undefined}
      actions={
        <>
          {rights.send && (
            <SendExample
              endpoint={endpoint.id}
              disabled={endpoint.disabled}
              asks={endpoint.eventTypes}
            />
          )}
          {rights.manage && !endpoint.disabled && <SwitchEndpoint endpoint={endpoint} />}
          {rights.manage && <MoreActions endpoint={endpoint} />}
        </>
      }
    >
      {endpoint.disabled && (
        <Note tone="warn" actions={rights.manage && <SwitchEndpoint endpoint={endpoint} primary />}>
          <span className="font-medium">
            {t.disabledBy[endpoint.disabledReason ?? "manual"]}
            {endpoint.disabledAt && (
              <>
                {", "}
                <At time={endpoint.disabledAt} />
              </>
            )}
          </span>
          <br />
          <Missed endpoint={endpoint} /> {t.disabledSince}
        </Note>
      )}
      <Tabs
        label={endpoint.url}
        tabs={tabs}
        value={tabs.some((tab) => tab.value === address.tab) ? address.tab : "activity"}
        onChange={(tab) => change({ tab: tab === "activity" ? undefined : tab, only: undefined })}
      />
    </Page>
  );
}

/** How much would have been sent since the endpoint was disabled. */
function Missed({ endpoint }: { endpoint: Endpoint }) {
  const { app } = useScope();
  const { data } = useRecoverPreview(app, endpoint.id, { since: sinceDisabled(endpoint) });
  if (!data) return null;
  return <>{data.complete ? t.missed(data.messages) : t.missedMore(data.messages)}</>;
}

function MoreActions({ endpoint }: { endpoint: Endpoint }) {
  const { app, base } = useScope();
  const go = useGo();
  const [asking, setAsking] = useState(false);
  const remove = useDeleteEndpoint(app, endpoint.id);
  return (
    <>
      <MoreMenu
        items={[
          {
            label: texts.common.edit,
            icon: <Pencil aria-hidden />,
            onSelect: () => go(`${base}/endpoints/${endpoint.id}/edit`),
          },
          "line",
          {
            label: texts.common.delete,
            icon: <Trash2 aria-hidden />,
            danger: true,
            onSelect: () => setAsking(true),
          },
        ]}
      />
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={t.deleteTitle}
        action={texts.common.delete}
        kind="danger"
        busy={remove.isPending}
        error={remove.error?.message}
        onConfirm={() =>
          remove.mutate(undefined, {
            onSuccess: () => {
              toast.ok(t.deleted);
              go(`${base}/endpoints`);
            },
          })
        }
      >
        <p className="font-medium [overflow-wrap:anywhere]">{endpoint.url}</p>
        <p className="text-muted">{t.deleteText}</p>
      </Confirm>
    </>
  );
}
