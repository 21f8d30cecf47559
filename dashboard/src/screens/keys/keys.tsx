import { KeyRound, Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { wholeList } from "@/api/lists";
import { type Key, useCreateKey, useKeys, useRevokeKey } from "@/api/operator";
import { faultOf } from "@/api/problem";
import { AppPicker } from "@/screens/applications/app-picker";
import { useRights } from "@/session/store";
import { texts } from "@/texts";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Code, Mono } from "@/ui/code";
import { Confirm, Dialog } from "@/ui/dialog";
import { Checkbox, Field, Input, Select } from "@/ui/field";
import { Card, Page } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { Empty, Note } from "@/ui/states";
import { Cell, Row, Table } from "@/ui/table";
import { Ago, At } from "@/ui/time";
import { toast } from "@/ui/toast";

const t = texts.keys;

export default function Keys() {
  const query = useKeys();
  const [making, setMaking] = useState(false);
  const { manage } = useRights();
  const list = wholeList({ ...query, data: query.data?.data as Key[] | undefined });
  return (
    <Page
      title={t.title}
      subtitle={t.subtitle}
      actions={
        manage && (
          <Button kind="primary" icon={<Plus aria-hidden />} onClick={() => setMaking(true)}>
            {t.create}
          </Button>
        )
      }
    >
      <Card flush>
        <ListFrame list={list} empty={<Empty icon={<KeyRound aria-hidden />} title={t.empty} />}>
          {(rows) => (
            <Table
              caption={t.caption}
              columns={[
                { label: t.columns.name },
                { label: t.columns.key, from: "sm" },
                { label: t.columns.scope, from: "md" },
                { label: t.columns.used, from: "md" },
                { label: t.columns.created, from: "lg" },
                { label: t.columns.actions, hidden: true, right: true },
              ]}
            >
              {rows.map((key) => (
                <KeyRow key={key.id} row={key} manage={manage} />
              ))}
            </Table>
          )}
        </ListFrame>
      </Card>
      {making && <NewKey onClose={() => setMaking(false)} />}
    </Page>
  );
}

function KeyRow({ row, manage }: { row: Key; manage: boolean }) {
  const [asking, setAsking] = useState(false);
  const revoke = useRevokeKey();
  const ended = row.expiresAt !== null && Date.parse(row.expiresAt) <= Date.now();
  return (
    <Row>
      <Cell className="font-medium">
        <span className="flex flex-wrap items-center gap-2">
          {row.name}
          {row.readOnly && <Badge>{t.readOnly}</Badge>}
          {row.revokedAt ? (
            <Badge tone="bad">{t.revoked}</Badge>
          ) : (
            ended && <Badge tone="warn">{t.expired}</Badge>
          )}
        </span>
      </Cell>
      <Cell from="sm">
        <Mono text={row.hint} />
      </Cell>
      <Cell from="md">{row.appId ? <Mono text={row.appId} /> : t.scopeAll}</Cell>
      <Cell from="md">{row.lastUsedAt ? <Ago time={row.lastUsedAt} /> : texts.common.never}</Cell>
      <Cell from="lg">
        <At time={row.createdAt} />
      </Cell>
      <Cell right>
        {manage && !row.revokedAt && (
          <Button small kind="danger" onClick={() => setAsking(true)}>
            {t.revoke}
            <span className="sr-only">: {row.name}</span>
          </Button>
        )}
        <Confirm
          open={asking}
          onClose={() => setAsking(false)}
          title={t.revokeTitle(row.name)}
          action={t.revoke}
          kind="danger"
          busy={revoke.isPending}
          error={revoke.error?.message}
          onConfirm={() =>
            revoke.mutate(row.id, {
              onSuccess: () => {
                toast.ok(t.revokedToast);
                setAsking(false);
              },
            })
          }
        >
          <p className="text-left text-muted">{t.revokeText}</p>
        </Confirm>
      </Cell>
    </Row>
  );
}

const LIVES = [30, 90, 365];
const DAY_MS = 86_400_000;

function NewKey({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [ofOne, setOfOne] = useState(false);
  const [app, setApp] = useState<string | null>(null);
  const [readOnly, setReadOnly] = useState(false);
  const [days, setDays] = useState("");
  const create = useCreateKey();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate({
      name: name.trim(),
      readOnly,
      appId: (ofOne && app) || undefined,
      expiresAt: days ? new Date(Date.now() + Number(days) * DAY_MS).toISOString() : undefined,
    });
  };
  if (create.data) {
    return (
      <Dialog
        open
        wide
        onClose={onClose}
        title={t.newTitle}
        footer={
          <Button kind="primary" onClick={onClose}>
            {texts.common.done}
          </Button>
        }
      >
        <div className="flex flex-col gap-3">
          <Note tone="warn">{t.newHint}</Note>
          <Code label={create.data.name} code={create.data.key} wrap />
        </div>
      </Dialog>
    );
  }
  const faults = { name: faultOf(create.error, "name") };
  return (
    <Dialog
      open
      onClose={onClose}
      title={t.create}
      footer={
        <>
          <Button onClick={onClose}>{texts.common.cancel}</Button>
          <Button
            kind="primary"
            type="submit"
            form="key-form"
            busy={create.isPending}
            disabled={name.trim() === "" || (ofOne && app === null)}
          >
            {texts.common.create}
          </Button>
        </>
      }
    >
      <form id="key-form" onSubmit={submit} className="flex flex-col gap-4">
        {create.error && !faults.name && <Note tone="bad">{create.error.message}</Note>}
        <Field label={t.name} error={faults.name}>
          {(described) => (
            <Input
              {...described}
              placeholder={t.namePlaceholder}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
        <Field label={t.expires}>
          {(described) => (
            <Select {...described} value={days} onChange={(event) => setDays(event.target.value)}>
              <option value="">{t.noEnd}</option>
              {LIVES.map((life) => (
                <option key={life} value={life}>
                  {t.days(life)}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Checkbox
          label={t.app}
          hint={t.appHint}
          checked={ofOne}
          onChange={(event) => setOfOne(event.target.checked)}
        />
        {ofOne && <AppPicker label={t.whichApp} chosen={app} onChange={setApp} />}
        <Checkbox
          label={t.readOnly}
          hint={t.readOnlyHint}
          checked={readOnly}
          onChange={(event) => setReadOnly(event.target.checked)}
        />
      </form>
    </Dialog>
  );
}
