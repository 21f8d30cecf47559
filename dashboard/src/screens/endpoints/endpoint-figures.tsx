import { DAY, useTimeSeries } from "@/api/stats";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { compact, dayAndTime, milliseconds, percent } from "@/texts/format";
import { Chart } from "@/ui/chart";
import { Card, Stat } from "@/ui/layout";
import { Failed, Loading } from "@/ui/states";

const t = texts.endpoints;

/** The last day of one endpoint: figures, and how they came about. */
export function EndpointFigures({ endpoint }: { endpoint: string }) {
  const { app } = useScope();
  const query = useTimeSeries(DAY, { app, endpoint });
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Loading />;
  const { totals, data } = query.data;
  const labels = data.map((part) => dayAndTime(new Date(part.start)));
  return (
    <div className="flex flex-col gap-4">
      <div className="grid grid-cols-2 gap-3 lg:grid-cols-4">
        <Stat
          label={t.columns.rate}
          value={percent(totals.succeeded, totals.attempts)}
          note={texts.overview.of(totals.attempts)}
        />
        <Stat label={t.page.failed} value={compact(totals.failed)} />
        <Stat label={texts.overview.p50} value={milliseconds(totals.p50Ms)} />
        <Stat label={texts.overview.p95} value={milliseconds(totals.p95Ms)} />
      </div>
      <div className="grid gap-4 lg:grid-cols-2">
        <Card>
          <Chart
            kind="bars"
            title={t.page.deliveries}
            labels={labels}
            format={compact}
            series={[
              { label: t.page.succeeded, colour: "ok", values: data.map((part) => part.succeeded) },
              { label: t.page.failed, colour: "bad", values: data.map((part) => part.failed) },
            ]}
          />
        </Card>
        <Card>
          <Chart
            kind="lines"
            title={t.page.latency}
            labels={labels}
            format={milliseconds}
            series={[
              { label: "p50", colour: "accent", values: data.map((part) => part.p50Ms ?? null) },
              { label: "p95", colour: "warn", values: data.map((part) => part.p95Ms ?? null) },
            ]}
          />
        </Card>
      </div>
    </div>
  );
}
