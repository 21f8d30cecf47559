import { Search } from "lucide-react";
import { type KeyboardEvent, useId, useState } from "react";
import { useApps } from "@/api/operator";
import { texts } from "@/texts";
import { cx } from "@/ui/cx";
import { Dialog } from "@/ui/dialog";
import { useGo } from "./link";
import { PLACES } from "./places";
import { useSettled } from "./settled";

interface Choice {
  label: string;
  note?: string;
  to: string;
}

const MOST = 12;

/** Goes anywhere by name: screens, and applications by name, uid or id. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const apps = useApps(useSettled(text));
  const go = useGo();
  const id = useId();
  const wanted = text.trim().toLowerCase();
  const choices: Choice[] = [
    ...PLACES.filter((place) => place.label.toLowerCase().includes(wanted)),
    // Found by the server, by name, uid or id.
    ...(apps.rows ?? []).map((app) => ({
      label: app.name,
      note: app.uid ?? app.id,
      to: `/console/applications/${app.id}`,
    })),
  ].slice(0, MOST);
  if (/^app_\w{10,}$/.test(text.trim()) && choices.length === 0) {
    choices.push({ label: text.trim(), to: `/console/applications/${text.trim()}` });
  }
  const place = Math.min(at, Math.max(0, choices.length - 1));
  const open = (choice: Choice | undefined) => {
    if (!choice) return;
    onClose();
    go(choice.to);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setAt((place + step + choices.length) % Math.max(1, choices.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(choices[place]);
    }
  };
  return (
    <Dialog open onClose={onClose} title={texts.nav.palette} hint={texts.nav.paletteHint}>
      <div className="flex flex-col gap-2">
        <div className="flex items-center gap-2 rounded-md border border-line-strong px-2.5 focus-within:outline-2 focus-within:outline-accent-text">
          <Search className="size-4 text-faint" aria-hidden />
          <input
            role="combobox"
            aria-label={texts.nav.palette}
            aria-expanded
            aria-controls={`${id}-list`}
            aria-activedescendant={choices.length > 0 ? `${id}-${place}` : undefined}
            autoComplete="off"
            spellCheck={false}
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setAt(0);
            }}
            onKeyDown={onKeyDown}
            className="h-9 w-full bg-transparent text-sm outline-none"
          />
        </div>
        <div
          id={`${id}-list`}
          role="listbox"
          aria-label={texts.nav.palette}
          className="flex flex-col"
        >
          {choices.map((choice, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys
            <div
              key={choice.to}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === place}
              tabIndex={-1}
              onClick={() => open(choice)}
              onMouseMove={() => setAt(index)}
              className={cx(
                "flex h-8 cursor-pointer items-center justify-between gap-3 rounded-md px-2.5 text-sm",
                index === place && "bg-accent-soft text-accent-text",
              )}
            >
              <span className="truncate">{choice.label}</span>
              {choice.note && <code className="truncate font-mono text-xs">{choice.note}</code>}
            </div>
          ))}
        </div>
        {choices.length === 0 && (
          <p className="px-2.5 py-3 text-sm text-muted">{texts.nav.paletteNone}</p>
        )}
      </div>
    </Dialog>
  );
}
