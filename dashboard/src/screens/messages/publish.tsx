import { Send } from "lucide-react";
import { useState } from "react";
import { examplesOf, useEventType, useEventTypes } from "@/api/event-types";
import { usePublish } from "@/api/messages";
import { useGo } from "@/shell/link";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input, Textarea } from "@/ui/field";
import { Note } from "@/ui/states";
import { toast } from "@/ui/toast";

const t = texts.messages;

/** Publishes a message by hand: for operators, to try an application out. */
export function Publish() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button kind="primary" icon={<Send aria-hidden />} onClick={() => setOpen(true)}>
        {t.publish}
      </Button>
      {open && <PublishDialog onClose={() => setOpen(false)} />}
    </>
  );
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value);
  } catch {
    return false;
  }
}

function PublishDialog({ onClose }: { onClose: () => void }) {
  const { app, base } = useScope();
  const go = useGo();
  const types = useEventTypes();
  const [eventType, setEventType] = useState("");
  const [typed, setTyped] = useState<string | null>(null);
  const known = types.data?.some((type) => type.name === eventType) ?? false;
  const type = useEventType(known ? eventType : null);
  const example = type.data ? examplesOf(type.data)[0] : undefined;
  const payload = typed ?? JSON.stringify(example ?? { hello: "world" }, null, 2);
  const publish = usePublish(app);
  const submit = () =>
    publish.mutate(
      { eventType, payload },
      {
        onSuccess: (message) => {
          toast.ok(t.publishDone);
          onClose();
          go(`${base}/messages/${message.id}`);
        },
      },
    );
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title={t.publishTitle}
      hint={t.publishHint}
      footer={
        <>
          <Button onClick={onClose}>{texts.common.cancel}</Button>
          <Button
            kind="primary"
            busy={publish.isPending}
            disabled={eventType === "" || !isObject(payload)}
            onClick={submit}
          >
            {t.publish}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <Field label={t.publishType}>
          {(described) => (
            <>
              <Input
                {...described}
                mono
                list="publish-types"
                placeholder="invoice.paid"
                value={eventType}
                onChange={(event) => setEventType(event.target.value.trim())}
              />
              <datalist id="publish-types">
                {types.data?.map((one) => (
                  <option key={one.name} value={one.name} />
                ))}
              </datalist>
            </>
          )}
        </Field>
        <Field label={t.payload} error={isObject(payload) ? null : texts.endpoints.example.notJson}>
          {(described) => (
            <Textarea
              {...described}
              mono
              rows={10}
              value={payload}
              onChange={(event) => setTyped(event.target.value)}
            />
          )}
        </Field>
        {publish.error && <Note tone="bad">{publish.error.message}</Note>}
      </div>
    </Dialog>
  );
}
