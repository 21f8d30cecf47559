import { Send } from "lucide-react";
import { useState } from "react";
import type { Schemas } from "@/api/client";
import { useSendExample } from "@/api/endpoints";
import { examplesOf, useEventType, useEventTypes } from "@/api/event-types";
import { useSession } from "@/session/store";
import { Link } from "@/shell/link";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { Button, buttonClass } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Select, Textarea } from "@/ui/field";
import { Note } from "@/ui/states";

const t = texts.endpoints.example;
/** An event type that is always there. */
const PING = "svix.ping";
const PING_PAYLOAD = { success: true };

interface SendExampleProps {
  endpoint: string;
  disabled?: boolean;
  /** What the endpoint asks for is offered first. */
  asks: string[] | null;
}

/** Sends an example of an event to one endpoint. */
export function SendExample({ endpoint, disabled, asks }: SendExampleProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button icon={<Send aria-hidden />} disabled={disabled} onClick={() => setOpen(true)}>
        {t.action}
      </Button>
      {open && <ExampleDialog endpoint={endpoint} asks={asks} onClose={() => setOpen(false)} />}
    </>
  );
}

/** Whether it is JSON of an object: nothing else can be sent. */
function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

interface DialogProps {
  endpoint: string;
  asks: string[] | null;
  onClose: () => void;
}

function ExampleDialog({ endpoint, asks, onClose }: DialogProps) {
  const { app, base } = useScope();
  const types = useEventTypes();
  const [name, setName] = useState(asks?.[0] ?? PING);
  const [which, setWhich] = useState(0);
  const [typed, setTyped] = useState<string | null>(null);
  const type = useEventType(name === PING ? null : name);
  // What a customer sends is an example of the catalogue; only an operator may type one.
  const mayType = useSession().appId === null;
  const send = useSendExample(app, endpoint);
  const examples = name === PING ? [PING_PAYLOAD] : type.data ? examplesOf(type.data) : [];
  const text =
    typed ?? (examples.length > 0 ? JSON.stringify(examples[which] ?? {}, null, 2) : "{}");
  const payload = objectOf(text);
  const submit = () =>
    send.mutate(
      typed === null || !mayType
        ? { eventType: name, exampleIndex: name === PING ? undefined : which }
        : { eventType: name, payload: payload as Schemas["EventExampleIn"]["payload"] },
    );
  const choose = (chosen: string) => {
    setName(chosen);
    setWhich(0);
    setTyped(null);
  };
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title={t.title}
      hint={t.hint}
      footer={
        send.data ? (
          <>
            <Button onClick={onClose}>{texts.common.done}</Button>
            <Link to={`${base}/messages/${send.data.id}`} className={buttonClass("primary")}>
              {t.see}
            </Link>
          </>
        ) : (
          <>
            <Button onClick={onClose}>{texts.common.cancel}</Button>
            <Button
              kind="primary"
              busy={send.isPending}
              disabled={payload === null || (!mayType && examples.length === 0)}
              onClick={submit}
            >
              {t.send}
            </Button>
          </>
        )
      }
    >
      <div className="flex flex-col gap-4">
        {send.data ? (
          <Note>{t.sent}</Note>
        ) : (
          <>
            <div className="grid gap-4 sm:grid-cols-2">
              <Field label={t.type}>
                {(described) => (
                  <Select
                    {...described}
                    value={name}
                    onChange={(event) => choose(event.target.value)}
                  >
                    <option value={PING}>
                      {t.ping} ({PING})
                    </option>
                    {(types.data ?? []).map((one) => (
                      <option key={one.name} value={one.name}>
                        {one.name}
                      </option>
                    ))}
                  </Select>
                )}
              </Field>
              {examples.length > 1 && (
                <Field label={t.which}>
                  {(described) => (
                    <Select
                      {...described}
                      value={which}
                      onChange={(event) => {
                        setWhich(Number(event.target.value));
                        setTyped(null);
                      }}
                    >
                      {examples.map((_, at) => (
                        <option key={at} value={at}>
                          {t.nth(at + 1)}
                        </option>
                      ))}
                    </Select>
                  )}
                </Field>
              )}
            </div>
            <Field
              label={t.payload}
              error={payload === null ? t.notJson : null}
              hint={
                name !== PING && type.data && examples.length === 0
                  ? mayType
                    ? t.none
                    : t.noneHere
                  : undefined
              }
            >
              {(described) => (
                <Textarea
                  {...described}
                  mono
                  rows={10}
                  readOnly={!mayType}
                  value={text}
                  onChange={(event) => setTyped(event.target.value)}
                />
              )}
            </Field>
            {send.error && <Note tone="bad">{send.error.message}</Note>}
          </>
        )}
      </div>
    </Dialog>
  );
}
