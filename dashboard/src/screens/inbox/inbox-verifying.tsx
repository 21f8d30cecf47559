import { Webhook } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useEndpoint } from "@/api/endpoints";
import { type Inbox, useChangeInbox } from "@/api/inbox";
import { useRights } from "@/session/store";
import { Link } from "@/shell/link";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/field";
import { Card } from "@/ui/layout";
import { toast } from "@/ui/toast";

const t = texts.inbox;

interface InboxVerifyingProps {
  inbox: Inbox;
  onRegister: () => void;
}

/** With whose secrets the signatures of what arrives are checked. */
export function InboxVerifying({ inbox, onRegister }: InboxVerifyingProps) {
  return (
    <Card title={t.verifying}>
      <div className="flex flex-col gap-4 text-sm">
        {inbox.endpointId && inbox.appId ? (
          <OfEndpoint app={inbox.appId} endpoint={inbox.endpointId} />
        ) : inbox.secretSet ? (
          <OfCopy inbox={inbox} />
        ) : (
          <OfNothing inbox={inbox} onRegister={onRegister} />
        )}
      </div>
    </Card>
  );
}

function OfEndpoint({ app, endpoint }: { app: string; endpoint: string }) {
  const { data } = useEndpoint(app, endpoint);
  return (
    <>
      <p>{t.ofEndpoint}</p>
      <Link
        to={`/console/applications/${app}/endpoints/${endpoint}`}
        className="font-medium text-accent-text hover:underline [overflow-wrap:anywhere]"
      >
        {data?.description || endpoint}
      </Link>
    </>
  );
}

function OfCopy({ inbox }: { inbox: Inbox }) {
  const change = useChangeInbox(inbox.id);
  const { manage } = useRights();
  return (
    <>
      <p>{t.ofCopy}</p>
      <PasteSecret inbox={inbox} label={t.newerSecret} />
      {manage && (
        <div>
          <Button
            small
            busy={change.isPending}
            onClick={() =>
              change.mutate({ secret: null }, { onError: (error) => toast.bad(error) })
            }
          >
            {t.stopVerifying}
          </Button>
        </div>
      )}
    </>
  );
}

function OfNothing({ inbox, onRegister }: InboxVerifyingProps) {
  const { manage } = useRights();
  return (
    <>
      <p>{t.ofNothing}</p>
      {manage && (
        <div>
          <Button small icon={<Webhook aria-hidden />} onClick={onRegister}>
            {t.register}
          </Button>
        </div>
      )}
      <PasteSecret inbox={inbox} label={t.verifySecret} />
    </>
  );
}

function PasteSecret({ inbox, label }: { inbox: Inbox; label: string }) {
  const [secret, setSecret] = useState("");
  const change = useChangeInbox(inbox.id);
  const { manage } = useRights();
  if (!manage) return null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(
      { secret },
      {
        onSuccess: () => {
          toast.ok(t.saved);
          setSecret("");
        },
      },
    );
  };
  return (
    <form onSubmit={submit}>
      <Field label={label} hint={t.verifyHint} error={change.error?.message}>
        {(described) => (
          <span className="flex gap-2">
            <Input
              {...described}
              mono
              type="password"
              placeholder="whsec_…"
              value={secret}
              onChange={(event) => setSecret(event.target.value.trim())}
            />
            <Button type="submit" busy={change.isPending} disabled={secret === ""}>
              {t.verify}
            </Button>
          </span>
        )}
      </Field>
    </form>
  );
}
