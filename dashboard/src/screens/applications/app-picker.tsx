import { useEffect, useId, useState } from "react";
import { useApps } from "@/api/operator";
import { useSettled } from "@/shell/settled";
import { texts } from "@/texts";
import { Choice, SearchInput } from "@/ui/field";
import { ListFrame } from "@/ui/list-frame";
import { Empty } from "@/ui/states";

const t = texts.apps;
/** As many as can be looked over; the search finds the others. */
const SHOWN = 6;

interface AppPickerProps {
  label: string;
  chosen: string | null;
  onChange: (app: string) => void;
}

/** One of the applications, of however many there are: found by name, uid or id. */
export function AppPicker({ label, chosen, onChange }: AppPickerProps) {
  const [search, setSearch] = useState("");
  const list = useApps(useSettled(search));
  const name = useId();
  const alone = search === "" && list.rows?.length === 1 ? list.rows[0]?.id : undefined;
  useEffect(() => {
    if (alone && chosen === null) onChange(alone);
  }, [alone, chosen, onChange]);
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="pb-1.5 text-sm font-medium">{label}</legend>
      <SearchInput
        label={t.search}
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <div className="rounded-md border border-line">
        <ListFrame
          list={{ ...list, hasMore: false }}
          lines={3}
          empty={<Empty title={search ? t.noMatch : t.empty}>{!search && t.emptyHint}</Empty>}
        >
          {(rows) => (
            <div className="flex flex-col p-1">
              {rows.slice(0, SHOWN).map((app) => (
                <Choice
                  key={app.id}
                  name={name}
                  isChosen={chosen === app.id}
                  onChoose={() => onChange(app.id)}
                  className="flex items-center justify-between gap-3 py-1.5 text-sm hover:bg-hover"
                >
                  <span className="truncate font-medium">{app.name}</span>
                  {app.uid && <code className="truncate font-mono text-xs">{app.uid}</code>}
                </Choice>
              ))}
              {rows.length > SHOWN && (
                <p className="px-2.5 py-1.5 text-xs text-muted">{t.searchForMore}</p>
              )}
            </div>
          )}
        </ListFrame>
      </div>
    </fieldset>
  );
}
