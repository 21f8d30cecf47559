import { type FormEvent, useState } from "react";
import {
  fetchOperationalSecret,
  type OperationalEndpoint,
  useRotateOperational,
  useSaveOperational,
} from "@/api/operator";
import { faultOf } from "@/api/problem";
import { checkUrl } from "@/screens/endpoints/url-check";
import { Rotate } from "@/screens/signing/rotate";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { EventPicker } from "@/ui/event-picker";
import { Field, Input } from "@/ui/field";
import { SecretField } from "@/ui/secret-field";
import { Note } from "@/ui/states";
import { toast } from "@/ui/toast";

const t = texts.operational;

interface FormProps {
  endpoint: OperationalEndpoint | null;
  onClose: () => void;
}

/** Makes an operational endpoint, or changes one. */
export function OperationalForm({ endpoint, onClose }: FormProps) {
  const [url, setUrl] = useState(endpoint?.url ?? "");
  const [description, setDescription] = useState(endpoint?.description ?? "");
  const [eventTypes, setEventTypes] = useState(endpoint?.eventTypes ?? []);
  const save = useSaveOperational(endpoint?.id ?? null);
  const verdict = checkUrl(url);
  const fault = faultOf(save.error, "url");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const kept = endpoint && {
      uid: endpoint.uid,
      throttleRate: endpoint.throttleRate,
      disabled: endpoint.disabled,
      metadata: endpoint.metadata,
    };
    save.mutate(
      {
        ...kept,
        url: url.trim(),
        description,
        eventTypes: eventTypes.length > 0 ? eventTypes : null,
      },
      {
        onSuccess: () => {
          toast.ok(t.saved);
          onClose();
        },
      },
    );
  };
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title={endpoint ? t.edit : t.create}
      footer={
        <>
          <Button onClick={onClose}>{texts.common.cancel}</Button>
          <Button
            kind="primary"
            type="submit"
            form="operational-form"
            busy={save.isPending}
            disabled={!verdict.ok}
          >
            {endpoint ? texts.common.save : t.create}
          </Button>
        </>
      }
    >
      <form id="operational-form" onSubmit={submit} className="flex flex-col gap-4 text-left">
        {save.error && !fault && <Note tone="bad">{save.error.message}</Note>}
        <Field
          label={texts.endpoints.form.url}
          error={url !== "" && !verdict.ok ? verdict.problem : fault}
        >
          {(described) => (
            <Input
              {...described}
              mono
              type="url"
              placeholder="https://example.com/operations"
              value={url}
              onChange={(event) => setUrl(event.target.value)}
            />
          )}
        </Field>
        <Field label={texts.endpoints.form.description} optional={texts.common.optional}>
          {(described) => (
            <Input
              {...described}
              value={description}
              onChange={(event) => setDescription(event.target.value)}
            />
          )}
        </Field>
        <div className="flex flex-col gap-1.5">
          <span className="text-sm font-medium">{t.events}</span>
          <EventPicker
            types={Object.entries(t.types).map(([name, description]) => ({ name, description }))}
            chosen={eventTypes}
            onChange={setEventTypes}
          />
          <span className="text-xs text-muted">{t.eventsHint}</span>
        </div>
      </form>
    </Dialog>
  );
}

export function OperationalSecret({ id, onClose }: { id: string; onClose: () => void }) {
  const rotate = useRotateOperational(id);
  const [turn, setTurn] = useState(0);
  return (
    <Dialog open onClose={onClose} title={texts.secret.title}>
      <div className="flex flex-col gap-4 text-left">
        <SecretField key={turn} mayReveal fetchSecret={() => fetchOperationalSecret(id)} />
        <div>
          <Rotate rotate={rotate} onRotated={() => setTurn(turn + 1)} />
        </div>
      </div>
    </Dialog>
  );
}
