import { type FormEvent, useState } from "react";
import { type App, useApp, useChangeApp, useCreateApp } from "@/api/operator";
import { faultOf } from "@/api/problem";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/field";
import { Loading, Note } from "@/ui/states";
import { toast } from "@/ui/toast";

const t = texts.apps;

interface AppDialogProps {
  /** Null makes a new one. */
  app: string | null;
  onClose: () => void;
  onMade?: (app: App) => void;
}

/** Makes an application, or changes one. */
export default function AppDialog({ app, onClose, onMade }: AppDialogProps) {
  return app === null ? (
    <Create onClose={onClose} onMade={onMade} />
  ) : (
    <Edit app={app} onClose={onClose} />
  );
}

function Create({ onClose, onMade }: Omit<AppDialogProps, "app">) {
  const create = useCreateApp();
  return (
    <Form
      title={t.createTitle}
      submit={texts.common.create}
      before={{ name: "", uid: "", throttle: "" }}
      busy={create.isPending}
      error={create.error}
      onClose={onClose}
      onSave={({ name, uid, throttle }) =>
        create.mutate(
          { name, uid: uid || undefined, throttleRate: throttle ? Number(throttle) : undefined },
          {
            onSuccess: (made) => {
              toast.ok(t.created);
              onClose();
              onMade?.(made);
            },
          },
        )
      }
    />
  );
}

function Edit({ app, onClose }: { app: string; onClose: () => void }) {
  const query = useApp(app);
  const change = useChangeApp(app);
  if (!query.data) {
    return (
      <Dialog open onClose={onClose} title={t.editTitle}>
        <Loading lines={3} />
      </Dialog>
    );
  }
  return (
    <Form
      title={t.editTitle}
      submit={texts.common.save}
      before={{
        name: query.data.name,
        uid: query.data.uid ?? "",
        throttle: query.data.throttleRate?.toString() ?? "",
      }}
      busy={change.isPending}
      error={change.error}
      onClose={onClose}
      onSave={({ name, uid, throttle }) =>
        change.mutate(
          { name, uid: uid || null, throttleRate: throttle ? Number(throttle) : null },
          {
            onSuccess: () => {
              toast.ok(texts.common.saved);
              onClose();
            },
          },
        )
      }
    />
  );
}

interface Values {
  name: string;
  uid: string;
  throttle: string;
}

interface FormProps {
  title: string;
  submit: string;
  before: Values;
  busy: boolean;
  error: Error | null;
  onClose: () => void;
  onSave: (values: Values) => void;
}

function Form({ title, submit, before, busy, error, onClose, onSave }: FormProps) {
  const [values, setValues] = useState(before);
  const set = (change: Partial<Values>) => setValues({ ...values, ...change });
  const faults = {
    name: faultOf(error, "name"),
    uid: faultOf(error, "uid"),
    throttle: faultOf(error, "throttleRate"),
  };
  const other = error && !faults.name && !faults.uid && !faults.throttle;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    onSave({ ...values, name: values.name.trim() });
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      footer={
        <>
          <Button onClick={onClose}>{texts.common.cancel}</Button>
          <Button
            kind="primary"
            type="submit"
            form="app-form"
            busy={busy}
            disabled={values.name.trim() === ""}
          >
            {submit}
          </Button>
        </>
      }
    >
      <form id="app-form" onSubmit={onSubmit} className="flex flex-col gap-4">
        {other && <Note tone="bad">{error.message}</Note>}
        <Field label={t.name} error={faults.name}>
          {(described) => (
            <Input
              {...described}
              placeholder={t.namePlaceholder}
              value={values.name}
              onChange={(event) => set({ name: event.target.value })}
            />
          )}
        </Field>
        <Field label={t.uid} optional={texts.common.optional} hint={t.uidHint} error={faults.uid}>
          {(described) => (
            <Input
              {...described}
              mono
              value={values.uid}
              onChange={(event) => set({ uid: event.target.value.trim() })}
            />
          )}
        </Field>
        <Field
          label={t.throttle}
          optional={texts.common.optional}
          hint={t.throttleHint}
          error={faults.throttle}
        >
          {(described) => (
            <Input
              {...described}
              type="number"
              min={1}
              max={65_535}
              value={values.throttle}
              onChange={(event) => set({ throttle: event.target.value })}
            />
          )}
        </Field>
      </form>
    </Dialog>
  );
}
