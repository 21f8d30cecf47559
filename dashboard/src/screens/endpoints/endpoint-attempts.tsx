import { Send } from "lucide-react";
import { type AttemptFilter, useEndpointAttempts } from "@/api/endpoints";
import { StateBadge } from "@/screens/messages/delivery-state";
import { Link, useAddress } from "@/shell/link";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { milliseconds } from "@/texts/format";
import { Segments } from "@/ui/field";
import { Card } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { Empty } from "@/ui/states";
import { Cell, Row, rowLink, Table } from "@/ui/table";
import { Ago } from "@/ui/time";

const t = texts.attempts;
const STATUS = { failed: 2, succeeded: 0 } as const satisfies Record<
  string,
  AttemptFilter["status"]
>;
type Only = "all" | keyof typeof STATUS;

/** What was tried at one endpoint. */
export function EndpointAttempts({ endpoint }: { endpoint: string }) {
  const { app, base } = useScope();
  const [address, change] = useAddress();
  const only = (
    address.only === "failed" || address.only === "succeeded" ? address.only : "all"
  ) as Only;
  const list = useEndpointAttempts(app, endpoint, {
    status: only === "all" ? undefined : STATUS[only],
  });
  return (
    <Card
      flush
      title={texts.endpoints.page.tabs.attempts}
      actions={
        <Segments
          label={t.filter}
          value={only}
          options={(["all", "failed", "succeeded"] as const).map((value) => ({
            value,
            label: t.only[value],
          }))}
          onChange={(value) => change({ only: value === "all" ? undefined : value })}
        />
      }
    >
      <ListFrame
        list={list}
        empty={
          <Empty
            icon={<Send aria-hidden />}
            title={
              only === "all" ? texts.endpoints.page.noAttempts : texts.endpoints.page.noneLikeThis
            }
          >
            {only === "all" && texts.endpoints.page.noAttemptsHint}
          </Empty>
        }
      >
        {(rows) => (
          <Table
            caption={texts.endpoints.page.attemptsCaption}
            columns={[
              { label: t.columns.status },
              { label: t.columns.event },
              { label: t.columns.code, right: true, from: "sm" },
              { label: t.columns.duration, right: true, from: "sm" },
              { label: t.columns.when, right: true, from: "sm" },
            ]}
          >
            {rows.map((attempt) => (
              <Row key={attempt.id}>
                <Cell>
                  <StateBadge state={attempt.statusText} />
                </Cell>
                <Cell className="w-1/2 max-w-0 max-sm:w-full">
                  <Link
                    to={`${base}/messages/${attempt.msgId}`}
                    search={{ endpoint }}
                    className={rowLink}
                  >
                    <span className="block truncate">
                      {attempt.msg?.eventType ?? attempt.msgId}
                    </span>
                  </Link>
                  <span className="block truncate font-mono text-xs text-muted">
                    {attempt.msgId}
                  </span>
                  <span className="block text-xs text-muted sm:hidden">
                    <Ago time={attempt.timestamp} />
                  </span>
                </Cell>
                <Cell right from="sm">
                  {attempt.responseStatusCode || t.noCode}
                </Cell>
                <Cell right from="sm">
                  {milliseconds(attempt.responseDurationMs)}
                </Cell>
                <Cell right from="sm">
                  <Ago time={attempt.timestamp} />
                </Cell>
              </Row>
            ))}
          </Table>
        )}
      </ListFrame>
    </Card>
  );
}
