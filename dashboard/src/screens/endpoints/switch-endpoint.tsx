import { Power, PowerOff } from "lucide-react";
import { useState } from "react";
import { type Endpoint, useChangeEndpoint, useRecoverPreview, useRecovery } from "@/api/endpoints";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/dialog";
import { Checkbox } from "@/ui/field";
import { toast } from "@/ui/toast";

const t = texts.endpoints;
/** As far back as messages can be recovered. */
const LONGEST_MS = 14 * 86_400_000;

/** Turns an endpoint off or on; on, with what was missed meanwhile. */
export function SwitchEndpoint({ endpoint, primary }: { endpoint: Endpoint; primary?: boolean }) {
  const { app } = useScope();
  const [open, setOpen] = useState(false);
  const [alsoMissed, setAlsoMissed] = useState(true);
  const change = useChangeEndpoint(app, endpoint.id);
  const recovery = useRecovery(app, endpoint.id);
  const off = endpoint.disabled;
  const since = sinceDisabled(endpoint);
  const preview = useRecoverPreview(app, endpoint.id, open && off ? { since } : null);
  const missed = preview.data?.messages ?? 0;
  const confirm = async () => {
    try {
      await change.mutateAsync({ patch: { disabled: !off }, headers: {} });
      if (off && alsoMissed && missed > 0) {
        await recovery.mutateAsync({ kind: "recover", body: { since } });
      }
      toast.ok(off ? t.enabledToast : t.disabledToast);
      setOpen(false);
    } catch (error) {
      toast.bad(error);
    }
  };
  return (
    <>
      <Button
        kind={primary ? "primary" : "secondary"}
        icon={off ? <Power aria-hidden /> : <PowerOff aria-hidden />}
        onClick={() => setOpen(true)}
      >
        {off ? t.enable : t.disable}
      </Button>
      <Confirm
        open={open}
        onClose={() => setOpen(false)}
        title={off ? t.enableTitle : t.disableTitle}
        action={off ? t.enable : t.disable}
        kind={off ? "primary" : "danger"}
        busy={change.isPending || recovery.isPending}
        onConfirm={() => void confirm()}
      >
        {off ? (
          <>
            {endpoint.disabledReason && (
              <p className="text-muted">{t.disabledBy[endpoint.disabledReason]}</p>
            )}
            {preview.data && <p>{t.missed(missed)}</p>}
            {missed > 0 && (
              <Checkbox
                label={t.enableRecover}
                checked={alsoMissed}
                onChange={(event) => setAlsoMissed(event.target.checked)}
              />
            )}
          </>
        ) : (
          <p className="text-muted">{t.disableText}</p>
        )}
      </Confirm>
    </>
  );
}

/** From when on messages may have been missed, on a whole minute so that it is asked once. */
export function sinceDisabled(endpoint: Endpoint): string {
  const oldest = Math.ceil(Date.now() / 60_000) * 60_000 - LONGEST_MS;
  const disabledAt = endpoint.disabledAt ? Date.parse(endpoint.disabledAt) : oldest;
  // What waited when it was disabled was published before; an hour of it comes along.
  return new Date(Math.max(oldest, disabledAt - 3_600_000)).toISOString();
}
