import type { Schemas } from "@/api/client";
import { useChangeSettings } from "@/api/operator";
import { useRights } from "@/session/store";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Note } from "@/ui/states";
import { toast } from "@/ui/toast";

/** Saves a part of the settings, and says so. */
export function useSave() {
  const change = useChangeSettings();
  const { manage } = useRights();
  return {
    manage,
    busy: change.isPending,
    error: change.error,
    save: (body: Schemas["SettingsPatch"]) =>
      change.mutate(body, { onSuccess: () => toast.ok(texts.common.saved) }),
  };
}

export function Save({
  saver,
  onSave,
  disabled,
}: {
  saver: ReturnType<typeof useSave>;
  onSave: () => void;
  disabled?: boolean;
}) {
  if (!saver.manage) return null;
  return (
    <div className="flex flex-col gap-3">
      {saver.error && <Note tone="bad">{saver.error.message}</Note>}
      <div>
        <Button kind="primary" busy={saver.busy} disabled={disabled} onClick={onSave}>
          {texts.common.save}
        </Button>
      </div>
    </div>
  );
}
