import { Webhook } from "lucide-react";
import { compact, milliseconds } from "@/texts/format";
import { Badge, type Tone } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Chart } from "@/ui/chart";
import { Card, Facts, Stat } from "@/ui/layout";
import { ListFrame, More } from "@/ui/list-frame";
import { Mark } from "@/ui/mark";
import { Progress } from "@/ui/progress";
import { Sparkline } from "@/ui/sparkline";
import { Empty, Failed, Loading, Note } from "@/ui/states";
import { Cell, Row, Table } from "@/ui/table";
import { Ago, At } from "@/ui/time";

const TONES: Tone[] = ["neutral", "accent", "ok", "warn", "bad"];
const HOURS = Array.from({ length: 24 }, (_, hour) => `${String(hour).padStart(2, "0")}:00`);
const wave = (size: number, shift: number) =>
  HOURS.map((_, hour) => Math.round(size * (1.2 + Math.sin(hour / 3 + shift))));

const LONG_AGO = "2026-01-31T12:00:00Z";

/** What is looked at. */
export function Shapes() {
  return (
    <>
      <Card title="Badges">
        <div className="flex flex-wrap gap-2">
          {TONES.map((tone) => (
            <Badge key={tone} tone={tone}>
              {tone}
            </Badge>
          ))}
          {TONES.map((tone) => (
            <Badge key={tone} tone={tone} dot>
              {tone}
            </Badge>
          ))}
          <Badge mono>invoice.paid</Badge>
          <Mark />
        </div>
      </Card>
      <div className="grid grid-cols-2 gap-3 sm:grid-cols-4">
        <Stat label="Attempts" value="12,480" note="of 13,000" />
        <Stat label="Success" value="99.9 %" />
        <Stat label="Latency" value="142 ms" />
        <Stat label="Backlog" value="0" note="nothing is late" />
      </div>
      <div className="grid gap-5 lg:grid-cols-2">
        <Card>
          <Chart
            kind="bars"
            title="Bars"
            labels={HOURS}
            format={compact}
            series={[
              { label: "Succeeded", colour: "ok", values: wave(90, 0) },
              { label: "Failed", colour: "bad", values: wave(8, 2) },
            ]}
          />
        </Card>
        <Card>
          <Chart
            kind="lines"
            title="Lines"
            labels={HOURS}
            format={milliseconds}
            series={[
              { label: "p50", colour: "accent", values: wave(40, 1) },
              {
                label: "p95",
                colour: "warn",
                values: wave(120, 1).map((v, at) => (at === 9 ? null : v)),
              },
            ]}
          />
        </Card>
        <Card>
          <Chart
            kind="bars"
            title="Nothing"
            labels={HOURS}
            format={compact}
            series={[{ label: "Succeeded", colour: "ok", values: HOURS.map(() => 0) }]}
          />
        </Card>
        <Card title="Times">
          <p className="flex flex-col gap-1 text-sm">
            <Ago time={LONG_AGO} />
            <At time={LONG_AGO} />
            <At time={LONG_AGO} precise />
          </p>
        </Card>
      </div>
      <Card title="Table" flush>
        <Table
          caption="A table"
          columns={[{ label: "Name" }, { label: "Activity" }, { label: "Count", right: true }]}
        >
          {["one", "two"].map((name, at) => (
            <Row key={name}>
              <Cell>{name}</Cell>
              <Cell>
                <Sparkline
                  label="Activity"
                  bars={wave(5, at).map((ok, hour) => ({ ok, bad: hour % 7 === 0 ? 2 : 0 }))}
                />
              </Cell>
              <Cell right>{1000 * (at + 1)}</Cell>
            </Row>
          ))}
        </Table>
        <More hasMore loading={false} onMore={() => {}} />
      </Card>
      <Card title="Facts">
        <Facts
          columns
          facts={[
            { label: "Id", value: "ep_1" },
            { label: "Created", value: "today" },
          ]}
        />
      </Card>
      <div className="flex flex-col gap-3">
        <Note>Good to know.</Note>
        <Note tone="warn" actions={<Button small>Act</Button>}>
          Something wants attention.
        </Note>
        <Note tone="bad">Something went wrong.</Note>
      </div>
      <Card title="Progress">
        <div className="flex flex-col gap-3">
          <Progress label="Known" done={420} total={1000} />
          <Progress label="Being counted" done={20} total={null} />
        </div>
      </Card>
      <div className="grid gap-5 lg:grid-cols-3">
        <Card flush>
          <Empty icon={<Webhook aria-hidden />} title="Nothing yet" action={<Button>Add</Button>}>
            It will be here.
          </Empty>
        </Card>
        <Card flush>
          <Loading />
        </Card>
        <Card flush>
          <Failed error={new Error("The server did not answer.")} retry={() => {}} />
        </Card>
        <Card title="A list with more of it" flush>
          <ListFrame
            list={{ rows: ["one"], error: null, retry: () => {}, hasMore: true, more: () => {} }}
            empty={<Empty title="Nothing yet" />}
          >
            {(rows) => <p className="p-4 text-sm">{rows.join()}</p>}
          </ListFrame>
        </Card>
      </div>
    </>
  );
}
