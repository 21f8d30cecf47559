import { useState } from "react";
import { type Settings, useSettings } from "@/api/operator";
import { faultOf } from "@/api/problem";
import { parseColour } from "@/shell/colour";
import { FACES, facesOf } from "@/shell/theme";
import { texts } from "@/texts";
import { Checkbox, Field, Input, Segments } from "@/ui/field";
import { Card, Page } from "@/ui/layout";
import { Failed, Loading } from "@/ui/states";
import { TagInput } from "@/ui/tag-input";
import { SettingsRetries } from "./settings-retries";
import { Save, useSave } from "./settings-save";
import { ThemePreview } from "./theme-preview";

const t = texts.settings;

export default function SettingsPage() {
  const query = useSettings();
  return (
    <Page title={t.title} subtitle={t.subtitle}>
      {query.error ? (
        <Failed error={query.error} retry={() => void query.refetch()} />
      ) : !query.data ? (
        <Loading lines={8} />
      ) : (
        <>
          <Look settings={query.data} />
          <Frames settings={query.data} />
          <Publishing settings={query.data} />
          <SettingsRetries settings={query.data} />
        </>
      )}
    </Page>
  );
}

const COLOURS = [
  { name: "primaryColor", label: t.primary, fallback: "#4f46e5" },
  { name: "backgroundColor", label: t.background, fallback: "#f7f8fa" },
  { name: "textColor", label: t.text, fallback: "#181b21" },
] as const;

/** On which faces a colour is used, where it is not on all of them. */
function limits(theme: Settings["theme"], name: (typeof COLOURS)[number]["name"]) {
  if (name === "primaryColor" || !theme[name] || !parseColour(theme[name])) return undefined;
  const faces = facesOf(theme, name);
  if (faces.length === FACES.length) return undefined;
  return faces[0] ? t.onlyOn[faces[0]] : t.onNone;
}

function Look({ settings }: { settings: Settings }) {
  const [theme, setTheme] = useState(settings.theme);
  const saver = useSave();
  const set = (change: Partial<typeof theme>) => setTheme({ ...theme, ...change });
  const wrong = COLOURS.some(({ name }) => theme[name] && !parseColour(theme[name]));
  return (
    <Card title={t.look} hint={t.lookHint}>
      <div className="grid gap-6 lg:grid-cols-2">
        <div className="flex flex-col gap-5">
          <Field label={t.name} hint={t.nameHint}>
            {(described) => (
              <Input
                {...described}
                value={theme.name ?? ""}
                onChange={(event) => set({ name: event.target.value || null })}
              />
            )}
          </Field>
          <Field label={t.logo} hint={t.logoHint}>
            {(described) => (
              <Input
                {...described}
                mono
                type="url"
                placeholder="https://example.com/logo.svg"
                value={theme.logoUrl ?? ""}
                onChange={(event) => set({ logoUrl: event.target.value.trim() || null })}
              />
            )}
          </Field>
          <div className="grid gap-4 sm:grid-cols-3 lg:grid-cols-1 xl:grid-cols-3">
            {COLOURS.map(({ name, label, fallback }) => {
              const value = theme[name];
              const bad = value && !parseColour(value) ? t.colourWrong : null;
              return (
                <Field key={name} label={label} error={bad} hint={limits(theme, name)}>
                  {(described) => (
                    <span className="flex gap-1.5">
                      <input
                        type="color"
                        aria-label={t.pick(label)}
                        value={value && parseColour(value) && value.length === 7 ? value : fallback}
                        onChange={(event) => set({ [name]: event.target.value })}
                        className="h-8 w-9 shrink-0 rounded-md border border-line-strong bg-surface p-0.5"
                      />
                      <Input
                        {...described}
                        mono
                        placeholder={fallback}
                        value={value ?? ""}
                        onChange={(event) => set({ [name]: event.target.value.trim() || null })}
                      />
                    </span>
                  )}
                </Field>
              );
            })}
          </div>
          <p className="text-xs text-muted">{t.colourHint}</p>
          <div className="flex flex-col items-start gap-1.5">
            <span className="text-sm font-medium">{t.mode}</span>
            <Segments
              label={t.mode}
              value={theme.mode}
              onChange={(mode) => set({ mode })}
              options={(["light", "dark", "system"] as const).map((value) => ({
                value,
                label: t.modes[value],
              }))}
            />
          </div>
          <Save saver={saver} disabled={wrong} onSave={() => saver.save({ theme })} />
        </div>
        <ThemePreview theme={theme} />
      </div>
    </Card>
  );
}

function Frames({ settings }: { settings: Settings }) {
  const [origins, setOrigins] = useState(settings.frameAncestors);
  const saver = useSave();
  return (
    <Card title={t.frames} hint={t.framesHint}>
      <div className="flex max-w-xl flex-col gap-5">
        <Field label={t.framesLabel} error={faultOf(saver.error, "frameAncestors")}>
          {(described) => (
            <TagInput
              {...described}
              values={origins}
              onChange={setOrigins}
              placeholder={t.framesPlaceholder}
            />
          )}
        </Field>
        <Save saver={saver} onSave={() => saver.save({ frameAncestors: origins })} />
      </div>
    </Card>
  );
}

function Publishing({ settings }: { settings: Settings }) {
  const [strict, setStrict] = useState(settings.strictCatalogue);
  const [validate, setValidate] = useState(settings.validatePayloads);
  const [retention, setRetention] = useState(settings.payloadRetentionDays?.toString() ?? "");
  const [rate, setRate] = useState(settings.rateLimit?.toString() ?? "");
  const saver = useSave();
  const number = (text: string) => (text === "" ? null : Number(text));
  return (
    <Card title={t.publishing}>
      <div className="flex max-w-xl flex-col gap-5">
        <Checkbox
          label={t.strict}
          hint={t.strictHint}
          checked={strict}
          onChange={(event) => setStrict(event.target.checked)}
        />
        <Checkbox
          label={t.validate}
          hint={t.validateHint}
          checked={validate}
          onChange={(event) => setValidate(event.target.checked)}
        />
        <div className="grid gap-5 sm:grid-cols-2">
          <Field
            label={t.retention}
            hint={t.retentionHint}
            error={faultOf(saver.error, "payloadRetentionDays")}
          >
            {(described) => (
              <Input
                {...described}
                type="number"
                min={1}
                max={90}
                value={retention}
                onChange={(event) => setRetention(event.target.value)}
              />
            )}
          </Field>
          <Field label={t.rate} hint={t.rateHint} error={faultOf(saver.error, "rateLimit")}>
            {(described) => (
              <Input
                {...described}
                type="number"
                min={1}
                max={65_535}
                value={rate}
                onChange={(event) => setRate(event.target.value)}
              />
            )}
          </Field>
        </div>
        <Save
          saver={saver}
          onSave={() =>
            saver.save({
              strictCatalogue: strict,
              validatePayloads: validate,
              payloadRetentionDays: number(retention),
              rateLimit: number(rate),
            })
          }
        />
      </div>
    </Card>
  );
}
