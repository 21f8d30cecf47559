import { ExternalLink } from "lucide-react";
import { useState } from "react";
import { useExpireAll, usePortalLink } from "@/api/operator";
import { texts } from "@/texts";
import { Button, buttonClass } from "@/ui/button";
import { Code } from "@/ui/code";
import { Confirm, Dialog } from "@/ui/dialog";
import { Field, Select } from "@/ui/field";
import { Note } from "@/ui/states";
import { toast } from "@/ui/toast";

const t = texts.portalLink;
const DAY = 86_400;

const ACCESS = {
  full: {},
  limited: { capabilities: ["ViewBase", "CreateAttempts"] },
  readOnly: { readOnly: true },
};
type Access = keyof typeof ACCESS;

/** A server that was not told its public address answers with a path alone. */
function absolute(url: string): string {
  return new URL(url, location.origin).href;
}

/** Makes a link that lets a customer into the portal of one application. */
export default function PortalLink({ app, onClose }: { app: string; onClose: () => void }) {
  const [expiry, setExpiry] = useState(DAY);
  const [access, setAccess] = useState<Access>("full");
  const [ending, setEnding] = useState(false);
  const link = usePortalLink(app);
  const expire = useExpireAll(app);
  return (
    <>
      <Dialog
        open={!ending}
        wide
        onClose={onClose}
        title={t.title}
        hint={t.hint}
        footer={
          <>
            <Button kind="danger" onClick={() => setEnding(true)} className="mr-auto">
              {t.expireAll}
            </Button>
            {link.data ? (
              <>
                <Button onClick={() => link.reset()}>{t.another}</Button>
                <a
                  href={absolute(link.data.url)}
                  target="_blank"
                  rel="noreferrer"
                  className={buttonClass("primary")}
                >
                  <ExternalLink aria-hidden />
                  {t.open}
                </a>
              </>
            ) : (
              <Button
                kind="primary"
                busy={link.isPending}
                onClick={() => link.mutate({ expiry, ...ACCESS[access] })}
              >
                {t.make}
              </Button>
            )}
          </>
        }
      >
        {link.data ? (
          <div className="flex flex-col gap-2">
            <p className="text-sm text-muted">{t.ready}</p>
            <Code label={t.link} code={absolute(link.data.url)} wrap />
          </div>
        ) : (
          <div className="grid gap-4 sm:grid-cols-2">
            <Field label={t.access}>
              {(described) => (
                <Select
                  {...described}
                  value={access}
                  onChange={(event) => setAccess(event.target.value as Access)}
                >
                  {(Object.keys(ACCESS) as Access[]).map((name) => (
                    <option key={name} value={name}>
                      {t[name]}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
            <Field label={t.expiry}>
              {(described) => (
                <Select
                  {...described}
                  value={expiry}
                  onChange={(event) => setExpiry(Number(event.target.value))}
                >
                  {t.expiries.map((choice) => (
                    <option key={choice.seconds} value={choice.seconds}>
                      {choice.label}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
          </div>
        )}
        {link.error && <Note tone="bad">{link.error.message}</Note>}
      </Dialog>
      <Confirm
        open={ending}
        onClose={() => setEnding(false)}
        title={t.expireTitle}
        action={t.expireAll}
        kind="danger"
        busy={expire.isPending}
        error={expire.error?.message}
        onConfirm={() =>
          expire.mutate(undefined, {
            onSuccess: () => {
              toast.ok(t.expired);
              onClose();
            },
          })
        }
      >
        <p className="text-muted">{t.expireText}</p>
      </Confirm>
    </>
  );
}
