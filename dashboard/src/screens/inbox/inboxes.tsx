import { Inbox as InboxIcon, Plus } from "lucide-react";
import { useCreateInbox, useInboxes } from "@/api/inbox";
import { wholeList } from "@/api/lists";
import { ApiProblem } from "@/api/problem";
import { useRights } from "@/session/store";
import { Link, useGo } from "@/shell/link";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Card, Page } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { Empty } from "@/ui/states";
import { Cell, Row, rowLink, Table } from "@/ui/table";
import { Ago } from "@/ui/time";
import { toast } from "@/ui/toast";

const t = texts.inbox;

/** A server without inboxes answers 404 to whoever asks for them. */
const isOff = (error: unknown) =>
  error instanceof ApiProblem && (error.status === 404 || error.code === "inbox_disabled");

export default function Inboxes() {
  const query = useInboxes();
  const create = useCreateInbox();
  const go = useGo();
  const { manage } = useRights();
  const off = isOff(query.error);
  const make = manage && !off && (
    <Button
      kind="primary"
      icon={<Plus aria-hidden />}
      busy={create.isPending}
      onClick={() =>
        create.mutate(
          {},
          {
            onSuccess: (inbox) => go(`/console/inbox/${inbox.id}`),
            onError: (error) => toast.bad(error),
          },
        )
      }
    >
      {t.create}
    </Button>
  );
  const list = wholeList({ ...query, data: query.data?.data });
  return (
    <Page title={t.title} subtitle={t.subtitle} actions={list.rows && list.rows.length > 0 && make}>
      <Card flush>
        <ListFrame
          list={off ? { ...list, rows: [], error: null } : list}
          empty={
            off ? (
              <Empty icon={<InboxIcon aria-hidden />} title={t.off}>
                {t.offHint}
              </Empty>
            ) : (
              <Empty icon={<InboxIcon aria-hidden />} title={t.empty} action={make}>
                {t.emptyHint}
              </Empty>
            )
          }
        >
          {(rows) => (
            <Table
              caption={t.caption}
              columns={[
                { label: t.columns.url },
                { label: t.columns.answer, right: true, from: "sm" },
                { label: t.columns.ends, right: true },
              ]}
            >
              {rows.map((inbox) => (
                <Row key={inbox.id}>
                  <Cell className="w-full max-w-0">
                    <Link to={`/console/inbox/${inbox.id}`} className={rowLink}>
                      <span className="block truncate font-mono text-xs">
                        {new URL(inbox.url).pathname}
                      </span>
                    </Link>
                  </Cell>
                  <Cell right from="sm">
                    {inbox.answerStatus}
                  </Cell>
                  <Cell right>
                    <Ago time={inbox.expiresAt} />
                  </Cell>
                </Row>
              ))}
            </Table>
          )}
        </ListFrame>
      </Card>
    </Page>
  );
}
