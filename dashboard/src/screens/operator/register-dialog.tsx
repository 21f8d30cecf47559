import { useState } from "react";
import { fetchSecret, useCreateEndpoint } from "@/api/endpoints";
import { type Inbox, useChangeInbox } from "@/api/inbox";
import { useApps } from "@/api/operator";
import { useGo } from "@/shell/link";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Select } from "@/ui/field";
import { Empty, Failed, Loading, Note } from "@/ui/states";
import { toast } from "@/ui/toast";

const t = texts.inbox;

/** Registers an inbox as an endpoint of an application, and has it verify with its secret. */
export default function RegisterDialog({ inbox, onClose }: { inbox: Inbox; onClose: () => void }) {
  const apps = useApps();
  const [chosen, setChosen] = useState("");
  const go = useGo();
  const app = chosen || (inbox.appId ?? apps.rows?.[0]?.id ?? "");
  const create = useCreateEndpoint(app);
  const change = useChangeInbox(inbox.id);
  const error = create.error ?? change.error;
  const register = async () => {
    try {
      const endpoint = await create.mutateAsync({ url: inbox.url, description: t.title });
      // An inbox of the same application follows the endpoint's secrets, rotations included.
      await change.mutateAsync(
        inbox.appId === app
          ? { endpointId: endpoint.id }
          : { secret: (await fetchSecret(app, endpoint.id)).key },
      );
      toast.ok(t.registered);
      onClose();
      go(`/console/applications/${app}/endpoints/${endpoint.id}`);
    } catch {
      // Shown below.
    }
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={t.register}
      hint={t.registerHint}
      footer={
        <>
          <Button onClick={onClose}>{texts.common.cancel}</Button>
          <Button
            kind="primary"
            busy={create.isPending || change.isPending}
            disabled={app === ""}
            onClick={() => void register()}
          >
            {t.register}
          </Button>
        </>
      }
    >
      {apps.error ? (
        <Failed error={apps.error} retry={apps.retry} />
      ) : !apps.rows ? (
        <Loading lines={2} />
      ) : apps.rows.length === 0 ? (
        <Empty title={texts.apps.empty}>{texts.apps.emptyHint}</Empty>
      ) : (
        <Field label={t.registerApp}>
          {(described) => (
            <Select {...described} value={app} onChange={(event) => setChosen(event.target.value)}>
              {apps.rows?.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
            </Select>
          )}
        </Field>
      )}
      {error && <Note tone="bad">{error.message}</Note>}
    </Dialog>
  );
}
