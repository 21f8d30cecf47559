import { Archive, ArchiveRestore, FileUp, Pencil, Plus, Shapes } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { type EventType, useChangeEventType, useEventTypes } from "@/api/event-types";
import { wholeList } from "@/api/lists";
import { useRights } from "@/session/store";
import { Link, useGo } from "@/shell/link";
import { texts } from "@/texts";
import { Badge } from "@/ui/badge";
import { Button, buttonClass } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { Checkbox, SearchInput } from "@/ui/field";
import { Card, Page } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { MoreMenu } from "@/ui/menu";
import { Empty } from "@/ui/states";
import { aboveRow, Cell, Row, rowLink, Table } from "@/ui/table";
import { toast } from "@/ui/toast";

const ImportDialog = lazy(() => import("./import-dialog"));
const t = texts.catalogue;

/** The catalogue, for those who write it. */
export default function EventTypes() {
  const [archived, setArchived] = useState(false);
  const [search, setSearch] = useState("");
  const [importing, setImporting] = useState(false);
  const query = useEventTypes(archived);
  const { manage } = useRights();
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = query.data?.filter((type) => {
    const text = `${type.name} ${type.description} ${type.groupName ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const actions = manage && (
    <>
      <Button icon={<FileUp aria-hidden />} onClick={() => setImporting(true)}>
        {t.import}
      </Button>
      <Link to="/console/event-types/new" className={buttonClass("primary")}>
        <Plus aria-hidden />
        {t.create}
      </Link>
    </>
  );
  return (
    <Page title={texts.nav.eventTypes} subtitle={t.subtitle} actions={actions}>
      <div className="flex flex-wrap items-center gap-4">
        <SearchInput
          label={t.search}
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          className="min-w-52 flex-1 sm:max-w-md"
        />
        <Checkbox
          label={t.showArchived}
          checked={archived}
          onChange={(event) => setArchived(event.target.checked)}
        />
      </div>
      <Card flush>
        <ListFrame
          list={{ ...wholeList(query), rows: found }}
          empty={
            <Empty icon={<Shapes aria-hidden />} title={search ? t.noMatch : t.empty}>
              {!search && t.emptyHint}
            </Empty>
          }
        >
          {(rows) => (
            <Table
              caption={texts.nav.eventTypes}
              columns={[
                { label: t.form.name },
                { label: t.form.description, from: "sm" },
                { label: t.form.group, from: "md" },
                { label: texts.common.moreActions, hidden: true, right: true },
              ]}
            >
              {rows.map((type) => (
                <TypeRow key={type.name} type={type} manage={manage} />
              ))}
            </Table>
          )}
        </ListFrame>
      </Card>
      <Suspense>{importing && <ImportDialog onClose={() => setImporting(false)} />}</Suspense>
    </Page>
  );
}

function TypeRow({ type, manage }: { type: EventType; manage: boolean }) {
  const go = useGo();
  const [asking, setAsking] = useState(false);
  const change = useChangeEventType(type.name);
  const edit = `/console/event-types/${encodeURIComponent(type.name)}/edit`;
  const setArchived = (archived: boolean) =>
    change.mutate(
      { archived },
      {
        onSuccess: () => {
          toast.ok(archived ? t.archivedToast : t.restoredToast);
          setAsking(false);
        },
        onError: (error) => toast.bad(error),
      },
    );
  return (
    <Row>
      <Cell>
        <span className="flex flex-wrap items-center gap-2">
          <Link to={edit} className={`${rowLink} font-mono text-xs`}>
            {type.name}
          </Link>
          {type.deprecated && <Badge tone="warn">{t.deprecated}</Badge>}
          {type.archived && <Badge>{t.archived}</Badge>}
        </span>
      </Cell>
      <Cell from="sm" className="w-1/2 max-w-0">
        <span className="block truncate text-muted">{type.description}</span>
      </Cell>
      <Cell from="md" className="text-muted">
        {type.groupName ?? ""}
      </Cell>
      <Cell right>
        {manage && (
          <span className={aboveRow}>
            <MoreMenu
              of={type.name}
              items={[
                { label: t.edit, icon: <Pencil aria-hidden />, onSelect: () => go(edit) },
                type.archived
                  ? {
                      label: t.restore,
                      icon: <ArchiveRestore aria-hidden />,
                      onSelect: () => setArchived(false),
                    }
                  : {
                      label: t.archive,
                      icon: <Archive aria-hidden />,
                      danger: true,
                      onSelect: () => setAsking(true),
                    },
              ]}
            />
            <Confirm
              open={asking}
              onClose={() => setAsking(false)}
              title={t.archiveTitle(type.name)}
              action={t.archive}
              kind="danger"
              busy={change.isPending}
              onConfirm={() => setArchived(true)}
            >
              <p className="text-left text-muted">{t.archiveText}</p>
            </Confirm>
          </span>
        )}
      </Cell>
    </Row>
  );
}
