import { Plus, Webhook } from "lucide-react";
import { type Endpoint, useEndpoints } from "@/api/endpoints";
import { healthOf } from "@/api/health";
import { type EndpointFigures, useEndpointFigures } from "@/api/stats";
import { useRights } from "@/session/store";
import { Link } from "@/shell/link";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { count, milliseconds, percent } from "@/texts/format";
import { buttonClass } from "@/ui/button";
import { Card, Page } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { Sparkline } from "@/ui/sparkline";
import { Empty, Skeleton } from "@/ui/states";
import { Cell, Row, rowLink, Table } from "@/ui/table";
import { HealthBadge } from "./health-badge";

const t = texts.endpoints;

export default function Endpoints() {
  const { app, base } = useScope();
  const list = useEndpoints(app);
  const figures = useEndpointFigures(app, list.rows?.length);
  const { manage } = useRights();
  const create = manage && (
    <Link to={`${base}/endpoints/new`} className={buttonClass("primary")}>
      <Plus aria-hidden />
      {t.create}
    </Link>
  );
  const rows = list.rows;
  return (
    <Page title={t.title} subtitle={t.subtitle} actions={rows && rows.length > 0 && create}>
      <Card flush>
        <ListFrame
          list={list}
          empty={
            <Empty icon={<Webhook aria-hidden />} title={t.empty} action={create}>
              {t.emptyHint}
            </Empty>
          }
        >
          {(rows) => (
            <Table
              caption={t.caption}
              columns={[
                { label: t.columns.endpoint },
                { label: t.columns.health },
                { label: t.columns.activity, from: "md" },
                { label: t.columns.rate, right: true, from: "sm" },
                { label: t.columns.attempts, right: true, from: "lg" },
                { label: t.columns.p95, right: true, from: "lg" },
              ]}
            >
              {rows.map((endpoint) => (
                <EndpointRow
                  key={endpoint.id}
                  endpoint={endpoint}
                  figures={figures.data?.get(endpoint.id)}
                  waiting={figures.isPending}
                />
              ))}
            </Table>
          )}
        </ListFrame>
      </Card>
    </Page>
  );
}

interface RowProps {
  endpoint: Endpoint;
  figures?: EndpointFigures;
  waiting: boolean;
}

function EndpointRow({ endpoint, figures, waiting }: RowProps) {
  const { base } = useScope();
  const bars = (figures?.series ?? []).map((part) => ({ ok: part.succeeded, bad: part.failed }));
  return (
    <Row>
      <Cell className="w-[45%] max-w-0 max-sm:w-full">
        <Link to={`${base}/endpoints/${endpoint.id}`} className={rowLink}>
          <span className="block truncate">{endpoint.url}</span>
        </Link>
        {endpoint.description && (
          <span className="block truncate text-xs text-muted">{endpoint.description}</span>
        )}
      </Cell>
      <Cell>
        {waiting ? (
          <Skeleton className="h-5 w-20" />
        ) : (
          <HealthBadge health={healthOf(endpoint, figures)} reason={endpoint.disabledReason} />
        )}
      </Cell>
      <Cell from="md">
        <Sparkline label={t.sparkline(figures?.succeeded ?? 0, figures?.failed ?? 0)} bars={bars} />
      </Cell>
      <Cell right from="sm">
        {percent(figures?.succeeded ?? 0, figures?.attempts ?? 0)}
      </Cell>
      <Cell right from="lg">
        {count(figures?.attempts ?? 0)}
      </Cell>
      <Cell right from="lg">
        {milliseconds(figures?.p95Ms)}
      </Cell>
    </Row>
  );
}
