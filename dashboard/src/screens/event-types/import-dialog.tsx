import { useState } from "react";
import type { Schemas } from "@/api/client";
import { type EventType, useEventTypes, useImportOpenApi } from "@/api/event-types";
import { texts } from "@/texts";
import { Badge, type Tone } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Checkbox, Field, Textarea } from "@/ui/field";
import { Note } from "@/ui/states";
import { toast } from "@/ui/toast";

const t = texts.catalogue.importer;

type Change = "made" | "changed" | "archived";
const TONES: Record<Change, Tone> = { made: "ok", changed: "accent", archived: "warn" };

/** What an import would do to each event type that it would not leave as it is. */
function changesOf(data: Schemas["OpenApiImportedData"], known: EventType[]) {
  const names = new Set(known.map((type) => type.name));
  const written = data.to_modify.map(({ name }): { name: string; change: Change } => ({
    name,
    change: names.has(name) ? "changed" : "made",
  }));
  const archived = data.to_archive.map((name) => ({ name, change: "archived" as const }));
  return [...written, ...archived];
}

/** Takes event types out of an OpenAPI document, and shows first what would change. */
export default function ImportDialog({ onClose }: { onClose: () => void }) {
  const [specRaw, setSpecRaw] = useState("");
  const [replaceAll, setReplaceAll] = useState(false);
  const known = useEventTypes(true);
  const preview = useImportOpenApi();
  const apply = useImportOpenApi();
  const found = preview.data && changesOf(preview.data.data, known.data ?? []);
  const edit = (text: string) => {
    setSpecRaw(text);
    preview.reset();
  };
  const error = apply.error ?? preview.error;
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title={t.title}
      hint={t.hint}
      footer={
        <>
          <Button onClick={onClose}>{texts.common.cancel}</Button>
          {found && found.length > 0 ? (
            <Button
              kind="primary"
              busy={apply.isPending}
              onClick={() =>
                apply.mutate(
                  { specRaw, replaceAll },
                  {
                    onSuccess: (answer) => {
                      toast.ok(t.done(answer.data.modified.length));
                      onClose();
                    },
                  },
                )
              }
            >
              {t.apply}
            </Button>
          ) : (
            <Button
              kind="primary"
              busy={preview.isPending}
              disabled={specRaw.trim() === ""}
              onClick={() => preview.mutate({ specRaw, replaceAll, dryRun: true })}
            >
              {t.preview}
            </Button>
          )}
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <Field
          label={t.document}
          aside={
            <label className="rounded-sm text-xs font-medium text-accent-text hover:underline has-focus-visible:outline-2">
              {t.file}
              <input
                type="file"
                accept=".json,.yaml,.yml"
                className="sr-only"
                onChange={(event) => void event.target.files?.[0]?.text().then(edit)}
              />
            </label>
          }
        >
          {(described) => (
            <Textarea
              {...described}
              mono
              rows={12}
              value={specRaw}
              onChange={(event) => edit(event.target.value)}
            />
          )}
        </Field>
        <Checkbox
          label={t.replaceAll}
          checked={replaceAll}
          onChange={(event) => {
            setReplaceAll(event.target.checked);
            preview.reset();
          }}
        />
        {error && <Note tone="bad">{error.message}</Note>}
        {found && (
          <Note>
            <p className="font-medium">
              {found.length === 0 ? t.nothing : t.changes(found.length)}
            </p>
            <ul className="mt-1 flex max-h-40 flex-col gap-1 overflow-y-auto">
              {found.map(({ name, change }) => (
                <li key={name} className="flex items-center justify-between gap-3">
                  <code className="truncate font-mono text-xs">{name}</code>
                  <Badge tone={TONES[change]}>{t.marks[change]}</Badge>
                </li>
              ))}
            </ul>
          </Note>
        )}
      </div>
    </Dialog>
  );
}
