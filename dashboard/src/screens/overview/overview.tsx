import { CircleCheck, Rocket, Server } from "lucide-react";
import { wholeList } from "@/api/lists";
import { type Range, useOverview, useTimeSeries } from "@/api/stats";
import { Link, useAddress } from "@/shell/link";
import { texts } from "@/texts";
import { compact, dayAndTime, milliseconds, percent, rate } from "@/texts/format";
import { buttonClass } from "@/ui/button";
import { Chart } from "@/ui/chart";
import { Segments } from "@/ui/field";
import { Card, Page, Stat } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { span } from "@/ui/span";
import { Empty, Failed, Loading, Skeleton } from "@/ui/states";
import { Cell, Row, rowLink, Table } from "@/ui/table";
import { Ago } from "@/ui/time";

const t = texts.overview;
const HOUR = 3_600;

const RANGES = {
  "1h": { seconds: HOUR, bucket: "minute" },
  "6h": { seconds: 6 * HOUR, bucket: "minute" },
  "24h": { seconds: 24 * HOUR, bucket: "hour" },
  "7d": { seconds: 7 * 24 * HOUR, bucket: "hour" },
  "30d": { seconds: 30 * 24 * HOUR, bucket: "day" },
} as const satisfies Record<string, Range>;
type RangeName = keyof typeof RANGES;
const NAMES = Object.keys(RANGES) as RangeName[];

/** How the whole installation does. */
export default function Overview() {
  const [address, change] = useAddress();
  const name = NAMES.find((one) => one === address.range) ?? "24h";
  return (
    <Page
      title={t.title}
      actions={
        <Segments
          label={t.range}
          value={name}
          options={NAMES.map((value) => ({ value, label: t.ranges[value] }))}
          onChange={(value) => change({ range: value === "24h" ? undefined : value })}
        />
      }
    >
      <Welcome />
      <Figures range={RANGES[name]} />
      <div className="grid items-start gap-5 lg:grid-cols-2">
        <Failing />
        <Nodes />
      </div>
    </Page>
  );
}

/** The first steps, as long as there is nothing to show. */
function Welcome() {
  const overview = useOverview();
  if (!overview.data || overview.data.endpoints > 0) return null;
  return (
    <Card flush>
      <Empty
        icon={<Rocket aria-hidden />}
        title={t.welcome}
        action={
          <>
            <Link to="/console/applications" className={buttonClass("primary")}>
              {texts.apps.create}
            </Link>
            <Link to="/console/inbox" className={buttonClass()}>
              {texts.inbox.create}
            </Link>
          </>
        }
      >
        <p>{t.welcomeHint}</p>
        <ol className="mt-2 list-inside list-decimal text-left">
          <li>{t.steps.app}</li>
          <li>{t.steps.inbox}</li>
          <li>{t.steps.endpoint}</li>
        </ol>
      </Empty>
    </Card>
  );
}

function Figures({ range }: { range: Range }) {
  const series = useTimeSeries(range);
  const overview = useOverview();
  if (series.error) return <Failed error={series.error} retry={() => void series.refetch()} />;
  if (!series.data) return <Loading lines={8} />;
  const { totals, data } = series.data;
  const labels = data.map((part) => dayAndTime(new Date(part.start)));
  const backlog = overview.data?.backlog;
  const age = overview.data?.oldestDueAgeSeconds;
  return (
    <>
      <div className="grid grid-cols-2 gap-3 md:grid-cols-3 xl:grid-cols-6">
        <Stat
          label={t.perMinute}
          value={rate((totals.attempts / range.seconds) * 60)}
          note={t.of(totals.attempts)}
        />
        <Stat
          label={t.success}
          value={percent(totals.succeeded, totals.attempts)}
          note={`${compact(totals.failed)} ${t.failed.toLowerCase()}`}
        />
        <Stat label={t.p50} value={milliseconds(totals.p50Ms)} />
        <Stat label={t.p95} value={milliseconds(totals.p95Ms)} />
        <Stat label={t.p99} value={milliseconds(totals.p99Ms)} />
        <Stat
          label={t.backlog}
          value={
            backlog === undefined ? (
              <Skeleton className="h-7 w-14" />
            ) : (
              `${compact(backlog)}${overview.data?.backlogIsCapped ? "+" : ""}`
            )
          }
          note={age ? t.backlogNote(span(age)) : t.backlogNone}
        />
      </div>
      <div className="grid gap-5 lg:grid-cols-2">
        <Card>
          <Chart
            kind="bars"
            title={t.attemptsChart}
            labels={labels}
            format={compact}
            series={[
              { label: t.succeeded, colour: "ok", values: data.map((part) => part.succeeded) },
              { label: t.failed, colour: "bad", values: data.map((part) => part.failed) },
            ]}
          />
        </Card>
        <Card>
          <Chart
            kind="lines"
            title={t.latencyChart}
            labels={labels}
            format={milliseconds}
            series={[
              { label: "p50", colour: "accent", values: data.map((part) => part.p50Ms ?? null) },
              { label: "p95", colour: "warn", values: data.map((part) => part.p95Ms ?? null) },
              { label: "p99", colour: "bad", values: data.map((part) => part.p99Ms ?? null) },
            ]}
          />
        </Card>
      </div>
    </>
  );
}

function Failing() {
  const query = useOverview();
  const list = wholeList({ ...query, data: query.data?.failingEndpoints });
  return (
    <Card title={t.failing} flush>
      <ListFrame
        list={list}
        lines={3}
        empty={
          <Empty icon={<CircleCheck aria-hidden />} title={t.failingNone}>
            {t.failingNoneHint}
          </Empty>
        }
      >
        {(rows) => (
          <Table
            caption={t.failing}
            columns={[
              { label: t.failingColumns.url },
              { label: t.failingColumns.since, right: true },
            ]}
          >
            {rows.map((row) => (
              <Row key={row.endpointId}>
                <Cell className="w-full max-w-0">
                  <Link
                    to={`/console/applications/${row.appId}/endpoints/${row.endpointId}`}
                    className={rowLink}
                  >
                    <span className="block truncate">{row.url}</span>
                  </Link>
                </Cell>
                <Cell right>
                  <Ago time={row.failingSince} />
                </Cell>
              </Row>
            ))}
          </Table>
        )}
      </ListFrame>
    </Card>
  );
}

function Nodes() {
  const query = useOverview();
  const list = wholeList({ ...query, data: query.data?.nodes });
  return (
    <Card
      title={t.nodes}
      hint={query.data && t.size(query.data.applications, query.data.endpoints)}
      flush
    >
      <ListFrame
        list={list}
        lines={3}
        empty={
          <Empty icon={<Server aria-hidden />} title={t.nodesNone}>
            {t.nodesNoneHint}
          </Empty>
        }
      >
        {(rows) => (
          <Table
            caption={t.nodes}
            columns={[
              { label: t.nodesColumns.node },
              { label: t.nodesColumns.started, right: true, from: "xl" },
              { label: t.nodesColumns.heartbeat, right: true },
            ]}
          >
            {rows.map((node) => (
              <Row key={node.id}>
                <Cell className="w-full max-w-0">
                  <code className="block truncate font-mono text-xs" title={node.id}>
                    {node.id}
                  </code>
                </Cell>
                <Cell right from="xl">
                  <Ago time={node.startedAt} />
                </Cell>
                <Cell right>
                  <Ago time={node.heartbeatAt} everyMs={1_000} />
                </Cell>
              </Row>
            ))}
          </Table>
        )}
      </ListFrame>
    </Card>
  );
}
