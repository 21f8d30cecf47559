import { Bell, KeyRound, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import {
  type OperationalEndpoint,
  useDeleteOperational,
  useOperationalEndpoints,
} from "@/api/operator";
import { useRights } from "@/session/store";
import { texts } from "@/texts";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { Card, Page } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { MoreMenu } from "@/ui/menu";
import { Empty } from "@/ui/states";
import { Cell, Row, Table } from "@/ui/table";
import { At } from "@/ui/time";
import { toast } from "@/ui/toast";
import { OperationalForm, OperationalSecret } from "./operational-dialogs";

const t = texts.operational;

export default function Operational() {
  const list = useOperationalEndpoints();
  const [making, setMaking] = useState(false);
  const { manage } = useRights();
  const create = manage && (
    <Button kind="primary" icon={<Plus aria-hidden />} onClick={() => setMaking(true)}>
      {t.create}
    </Button>
  );
  const rows = list.rows;
  return (
    <Page title={t.title} subtitle={t.subtitle} actions={rows && rows.length > 0 && create}>
      <Card flush>
        <ListFrame
          list={list}
          empty={
            <Empty icon={<Bell aria-hidden />} title={t.empty} action={create}>
              {t.emptyHint}
            </Empty>
          }
        >
          {(rows) => (
            <Table
              caption={t.caption}
              columns={[
                { label: t.columns.url },
                { label: t.columns.events, from: "sm" },
                { label: t.columns.created, from: "md" },
                { label: t.columns.actions, hidden: true, right: true },
              ]}
            >
              {rows.map((endpoint) => (
                <OperationalRow key={endpoint.id} endpoint={endpoint} manage={manage} />
              ))}
            </Table>
          )}
        </ListFrame>
      </Card>
      {making && <OperationalForm endpoint={null} onClose={() => setMaking(false)} />}
    </Page>
  );
}

interface RowProps {
  endpoint: OperationalEndpoint;
  manage: boolean;
}

function OperationalRow({ endpoint, manage }: RowProps) {
  const [open, setOpen] = useState<"edit" | "secret" | "delete" | null>(null);
  const remove = useDeleteOperational();
  const close = () => setOpen(null);
  return (
    <Row>
      <Cell className="w-1/2 max-w-0 max-sm:w-full">
        <span className="flex items-center gap-2">
          <span className="truncate font-medium">{endpoint.url}</span>
          {endpoint.disabled && <Badge>{texts.endpoints.health.disabled}</Badge>}
        </span>
        {endpoint.description && (
          <span className="block truncate text-xs text-muted">{endpoint.description}</span>
        )}
      </Cell>
      <Cell from="sm">
        {endpoint.eventTypes ? (
          <span className="flex flex-wrap gap-1">
            {endpoint.eventTypes.map((type) => (
              <Badge key={type} mono>
                {type}
              </Badge>
            ))}
          </span>
        ) : (
          t.allEvents
        )}
      </Cell>
      <Cell from="md">
        <At time={endpoint.createdAt} />
      </Cell>
      <Cell right>
        {manage && (
          <MoreMenu
            of={endpoint.url}
            items={[
              {
                label: texts.common.edit,
                icon: <Pencil aria-hidden />,
                onSelect: () => setOpen("edit"),
              },
              {
                label: texts.secret.title,
                icon: <KeyRound aria-hidden />,
                onSelect: () => setOpen("secret"),
              },
              "line",
              {
                label: texts.common.delete,
                icon: <Trash2 aria-hidden />,
                danger: true,
                onSelect: () => setOpen("delete"),
              },
            ]}
          />
        )}
        {open === "edit" && <OperationalForm endpoint={endpoint} onClose={close} />}
        {open === "secret" && <OperationalSecret id={endpoint.id} onClose={close} />}
        <Confirm
          open={open === "delete"}
          onClose={close}
          title={t.deleteTitle}
          action={texts.common.delete}
          kind="danger"
          busy={remove.isPending}
          error={remove.error?.message}
          onConfirm={() =>
            remove.mutate(endpoint.id, {
              onSuccess: () => {
                toast.ok(t.deleted);
                close();
              },
            })
          }
        >
          <p className="text-left text-muted">{t.deleteText}</p>
        </Confirm>
      </Cell>
    </Row>
  );
}
