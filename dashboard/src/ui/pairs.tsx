import { Plus, Trash2 } from "lucide-react";
import { texts } from "@/texts";
import { Button, IconButton } from "./button";
import { Input } from "./field";

export interface Pair {
  name: string;
  value: string;
}

interface PairsProps {
  /** What they are, for screen readers. */
  label: string;
  pairs: Pair[];
  onChange: (pairs: Pair[]) => void;
  namePlaceholder?: string;
  valuePlaceholder?: string;
}

/** Names with values, such as headers. */
export function Pairs({ label, pairs, onChange, namePlaceholder, valuePlaceholder }: PairsProps) {
  const set = (at: number, change: Partial<Pair>) =>
    onChange(pairs.map((pair, place) => (place === at ? { ...pair, ...change } : pair)));
  return (
    <div className="flex flex-col gap-2">
      {pairs.map((pair, at) => (
        <div key={at} className="flex items-center gap-2">
          <Input
            mono
            aria-label={`${label} ${at + 1}: ${texts.common.name}`}
            placeholder={namePlaceholder}
            value={pair.name}
            onChange={(event) => set(at, { name: event.target.value })}
            className="flex-2"
          />
          <Input
            mono
            aria-label={`${label} ${at + 1}: ${texts.common.value}`}
            placeholder={valuePlaceholder}
            value={pair.value}
            onChange={(event) => set(at, { value: event.target.value })}
            className="flex-3"
          />
          <IconButton
            label={texts.common.remove(pair.name || `${label} ${at + 1}`)}
            onClick={() => onChange(pairs.filter((_, place) => place !== at))}
          >
            <Trash2 aria-hidden />
          </IconButton>
        </div>
      ))}
      <div>
        <Button
          small
          icon={<Plus aria-hidden />}
          onClick={() => onChange([...pairs, { name: "", value: "" }])}
        >
          {texts.common.add}
        </Button>
      </div>
    </div>
  );
}
