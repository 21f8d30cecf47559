import { History } from "lucide-react";
import { useState } from "react";
import { type Recovery, useRecoverPreview, useRecovery, type Window } from "@/api/endpoints";
import { wholeList } from "@/api/lists";
import { useTasks } from "@/api/tasks";
import { TaskLine } from "@/screens/tasks/task-row";
import { useRights } from "@/session/store";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { count } from "@/texts/format";
import { Button } from "@/ui/button";
import { cx } from "@/ui/cx";
import { Field, Input } from "@/ui/field";
import { Card } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { localText } from "@/ui/local-time";
import { Empty, Note, Skeleton } from "@/ui/states";
import { At } from "@/ui/time";
import { toast } from "@/ui/toast";

const t = texts.recovery;
type Kind = Recovery["kind"];

const KINDS: { kind: Kind; label: string; hint: string }[] = [
  { kind: "recover", label: t.recover, hint: t.recoverHint },
  { kind: "replay-missing", label: t.missing, hint: t.missingHint },
  { kind: "bulk-replay", label: t.all, hint: t.allHint },
];

function windowOf(since: string, until: string): Window | null {
  if (since === "") return null;
  const from = new Date(since);
  const to = until === "" ? null : new Date(until);
  if (to && to <= from) return null;
  return { since: from.toISOString(), until: to?.toISOString() };
}

/** Sends messages of the past again: what, of when, how many, and how far it is. */
export function Recover({ endpoint, disabled }: { endpoint: string; disabled: boolean }) {
  const { app } = useScope();
  const rights = useRights();
  const [kind, setKind] = useState<Kind>("recover");
  const [since, setSince] = useState(() => localText(new Date(Date.now() - 86_400_000)));
  const [until, setUntil] = useState("");
  const window = windowOf(since, until);
  const recovery = useRecovery(app, endpoint);
  const preview = useRecoverPreview(app, endpoint, window, kind);
  const isNothing = preview.data?.complete === true && preview.data.messages === 0;
  const begin = () => {
    if (!window) return;
    recovery.mutate({ kind, body: window } as Recovery, {
      onSuccess: () => toast.ok(t.started),
      onError: (error) => toast.bad(error),
    });
  };
  return (
    <div className="flex flex-col gap-5">
      {rights.send && (
        <Card title={t.title} hint={t.hint}>
          <div className="flex flex-col gap-5">
            {disabled && <Note tone="warn">{texts.attempts.resendDisabled}</Note>}
            <fieldset className="grid gap-2 sm:grid-cols-3">
              <legend className="sr-only">{t.title}</legend>
              {KINDS.map((one) => (
                <label
                  key={one.kind}
                  className={cx(
                    "flex flex-col rounded-md border border-line-strong px-3 py-2 text-sm hover:bg-hover",
                    "has-checked:border-accent has-checked:bg-accent-soft",
                    "has-focus-visible:outline-2 has-focus-visible:outline-accent-text",
                  )}
                >
                  <input
                    type="radio"
                    name="kind"
                    className="sr-only"
                    checked={kind === one.kind}
                    onChange={() => setKind(one.kind)}
                  />
                  <span className="font-medium">{one.label}</span>
                  <span className="text-xs text-muted">{one.hint}</span>
                </label>
              ))}
            </fieldset>
            <div className="flex flex-wrap gap-2">
              {t.ranges.map((range) => (
                <Button
                  key={range.hours}
                  small
                  onClick={() => {
                    setSince(localText(new Date(Date.now() - range.hours * 3_600_000)));
                    setUntil("");
                  }}
                >
                  {range.label}
                </Button>
              ))}
            </div>
            <div className="grid gap-4 sm:grid-cols-2">
              <Field label={t.since}>
                {(described) => (
                  <Input
                    {...described}
                    type="datetime-local"
                    value={since}
                    onChange={(event) => setSince(event.target.value)}
                  />
                )}
              </Field>
              <Field
                label={t.until}
                hint={t.untilHint}
                error={since !== "" && window === null ? t.windowWrong : null}
              >
                {(described) => (
                  <Input
                    {...described}
                    type="datetime-local"
                    value={until}
                    onChange={(event) => setUntil(event.target.value)}
                  />
                )}
              </Field>
            </div>
            {window && <Preview preview={preview} />}
            <div>
              <Button
                kind="primary"
                busy={recovery.isPending}
                disabled={window === null || disabled || isNothing}
                onClick={begin}
              >
                {t.start}
              </Button>
            </div>
          </div>
        </Card>
      )}
      <RecentTasks />
    </div>
  );
}

function Preview({ preview }: { preview: ReturnType<typeof useRecoverPreview> }) {
  if (preview.error) return <Note tone="bad">{preview.error.message}</Note>;
  const found = preview.data;
  if (!found) return <Skeleton className="h-14 w-full" />;
  const parts = (["failed", "canceled", "skipped"] as const)
    .filter((part) => found[part] > 0)
    .map((part) => `${count(found[part])} ${t.parts[part]}`);
  // Of a replay these are only some.
  const isAll = found.failed + found.canceled + found.skipped === found.messages;
  return (
    <div role="status" className="rounded-md border border-line bg-sunken px-3.5 py-2.5 text-sm">
      <p className="font-medium">
        {found.messages === 0 ? t.nothing : t.wouldSend(found.messages)}
      </p>
      {isAll && parts.length > 0 && <p className="text-muted">{parts.join(", ")}</p>}
      {found.unrecoverable > 0 && (
        <p className="text-muted">{t.lost(count(found.unrecoverable))}</p>
      )}
      {!found.complete && found.countedUntil && (
        <p className="text-muted">
          {t.countedUntil} <At time={found.countedUntil} />
        </p>
      )}
    </div>
  );
}

const RECENT = 10;

function RecentTasks() {
  const tasks = useTasks(RECENT);
  return (
    <Card title={texts.tasks.recent} flush>
      <ListFrame
        list={wholeList({ ...tasks, data: tasks.data?.data })}
        lines={3}
        empty={
          <Empty icon={<History aria-hidden />} title={texts.tasks.empty}>
            {texts.tasks.emptyHint}
          </Empty>
        }
      >
        {(rows) => (
          <ul className="divide-y divide-line">
            {rows.map((task) => (
              <TaskLine key={task.id} task={task} />
            ))}
          </ul>
        )}
      </ListFrame>
    </Card>
  );
}
