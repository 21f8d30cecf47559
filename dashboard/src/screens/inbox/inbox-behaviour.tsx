import { type FormEvent, useState } from "react";
import { type Inbox, useChangeInbox } from "@/api/inbox";
import { faultOf } from "@/api/problem";
import { useRights } from "@/session/store";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/field";
import { Card } from "@/ui/layout";
import { Note } from "@/ui/states";
import { toast } from "@/ui/toast";

const t = texts.inbox;

/** What an inbox answers, and after how long. */
export function InboxBehaviour({ inbox }: { inbox: Inbox }) {
  const [status, setStatus] = useState(inbox.answerStatus.toString());
  const [delay, setDelay] = useState(inbox.answerDelayMs.toString());
  const change = useChangeInbox(inbox.id);
  const { manage } = useRights();
  const faults = {
    status: faultOf(change.error, "answerStatus"),
    delay: faultOf(change.error, "answerDelayMs"),
  };
  const other = change.error && !Object.values(faults).some(Boolean);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(
      {
        answerStatus: Number(status),
        answerDelayMs: Number(delay),
      },
      {
        onSuccess: () => toast.ok(t.saved),
      },
    );
  };
  return (
    <Card title={t.behaviour}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        {other && <Note tone="bad">{change.error?.message}</Note>}
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label={t.status} hint={t.statusHint} error={faults.status}>
            {(described) => (
              <Input
                {...described}
                type="number"
                min={200}
                max={599}
                list="inbox-statuses"
                value={status}
                disabled={!manage}
                onChange={(event) => setStatus(event.target.value)}
              />
            )}
          </Field>
          <Field label={t.delay} hint={t.delayHint} error={faults.delay}>
            {(described) => (
              <Input
                {...described}
                type="number"
                min={0}
                max={30_000}
                step={100}
                value={delay}
                disabled={!manage}
                onChange={(event) => setDelay(event.target.value)}
              />
            )}
          </Field>
        </div>
        <datalist id="inbox-statuses">
          {[200, 204, 400, 401, 410, 429, 500, 503].map((code) => (
            <option key={code} value={code} />
          ))}
        </datalist>
        {manage && (
          <div>
            <Button type="submit" busy={change.isPending}>
              {texts.common.save}
            </Button>
          </div>
        )}
      </form>
    </Card>
  );
}
