import { Search } from "lucide-react";
import { useMemo, useState } from "react";
import { texts } from "@/texts";
import { Badge } from "./badge";
import { Button } from "./button";
import { grouped, type TreeGroup, type TreeType } from "./event-tree";
import { Checkbox } from "./field";

interface EventPickerProps {
  types: TreeType[];
  /** None chosen stands for all of them. */
  chosen: string[];
  onChange: (chosen: string[]) => void;
}

const t = texts.endpoints.tree;

/** Event types to choose from, as a searchable tree with their descriptions. */
export function EventPicker({ types, chosen, onChange }: EventPickerProps) {
  const [search, setSearch] = useState("");
  const groups = useMemo(() => {
    const known = new Set(types.map((type) => type.name));
    const gone = chosen
      .filter((name) => !known.has(name))
      .map((name) => ({ name, description: t.unknown }));
    return grouped([...types, ...gone], search);
  }, [types, chosen, search]);
  if (types.length === 0 && chosen.length === 0) {
    return (
      <p className="rounded-md border border-line bg-sunken px-3 py-2.5 text-sm text-muted">
        {t.empty}
      </p>
    );
  }
  return (
    <fieldset className="overflow-hidden rounded-md border border-line-strong">
      <legend className="sr-only">{t.label}</legend>
      <div className="flex items-center gap-2 rounded-t-md border-b border-line px-2.5 -outline-offset-2 has-[input:focus-visible]:outline-2 has-[input:focus-visible]:outline-accent-text">
        <Search className="size-4 shrink-0 text-faint" aria-hidden />
        <input
          type="search"
          aria-label={t.search}
          placeholder={t.search}
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
          className="h-9 w-full bg-transparent text-sm focus-visible:outline-none"
        />
        <span role="status" className="text-xs whitespace-nowrap text-muted">
          {chosen.length === 0 ? t.all : t.chosen(chosen.length)}
        </span>
        {chosen.length > 0 && (
          <Button kind="ghost" small onClick={() => onChange([])}>
            {t.clear}
          </Button>
        )}
      </div>
      <div className="max-h-72 overflow-y-auto py-1">
        {groups.length === 0 && (
          <p className="px-3 py-4 text-center text-sm text-muted">{t.none}</p>
        )}
        {groups.map((group) => (
          <Group key={group.name} group={group} chosen={chosen} onChange={onChange} />
        ))}
      </div>
    </fieldset>
  );
}

interface GroupProps {
  group: TreeGroup;
  chosen: string[];
  onChange: (chosen: string[]) => void;
}

function Group({ group, chosen, onChange }: GroupProps) {
  const names = group.types.map((type) => type.name);
  const here = names.filter((name) => chosen.includes(name));
  const all = here.length === names.length;
  const without = (gone: string[]) => chosen.filter((name) => !gone.includes(name));
  return (
    <div className="py-0.5">
      {group.name !== "" && (
        <Checkbox
          className="px-3 py-1 font-medium hover:bg-hover"
          label={group.name}
          checked={all}
          ref={(box) => {
            if (box) box.indeterminate = here.length > 0 && !all;
          }}
          onChange={() => onChange(all ? without(names) : [...without(names), ...names])}
        />
      )}
      {group.types.map((type) => (
        <Checkbox
          key={type.name}
          className={
            group.name === "" ? "px-3 py-1 hover:bg-hover" : "py-1 pr-3 pl-9 hover:bg-hover"
          }
          label={
            <span className="flex flex-wrap items-center gap-2">
              <code className="font-mono text-xs [overflow-wrap:anywhere]">{type.name}</code>
              {type.deprecated && <Badge tone="warn">{t.deprecated}</Badge>}
            </span>
          }
          hint={type.description}
          checked={chosen.includes(type.name)}
          onChange={(event) =>
            onChange(event.target.checked ? [...chosen, type.name] : without([type.name]))
          }
        />
      ))}
    </div>
  );
}
