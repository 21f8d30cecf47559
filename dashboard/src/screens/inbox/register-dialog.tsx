import { useState } from "react";
import { useCreateEndpoint } from "@/api/endpoints";
import { type Inbox, useChangeInbox } from "@/api/inbox";
import { AppPicker } from "@/screens/applications/app-picker";
import { useGo } from "@/shell/link";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Note } from "@/ui/states";
import { toast } from "@/ui/toast";

const t = texts.inbox;

/** Registers an inbox as an endpoint of an application, with whose secrets it then verifies. */
export default function RegisterDialog({ inbox, onClose }: { inbox: Inbox; onClose: () => void }) {
  const [chosen, setChosen] = useState(inbox.appId);
  const go = useGo();
  const app = chosen ?? "";
  const create = useCreateEndpoint(app);
  const change = useChangeInbox(inbox.id);
  const error = create.error ?? change.error;
  const register = async () => {
    try {
      const endpoint = await create.mutateAsync({
        url: inbox.url,
        description: t.title,
        // What an inbox can check, whatever the server's default is.
        signatureScheme: "standard",
      });
      await change.mutateAsync({ appId: app, endpointId: endpoint.id });
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
      hint={inbox.appId ? t.registerHintTied : t.registerHint}
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
      {!inbox.appId && <AppPicker label={t.registerApp} chosen={chosen} onChange={setChosen} />}
      {error && <Note tone="bad">{error.message}</Note>}
    </Dialog>
  );
}
