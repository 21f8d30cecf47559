import { X } from "lucide-react";
import { type KeyboardEvent, useState } from "react";
import { texts } from "@/texts";
import { cx } from "./cx";
import type { Described } from "./field";

interface TagInputProps extends Described {
  values: string[];
  onChange: (values: string[]) => void;
  placeholder?: string;
  disabled?: boolean;
}

/** Words, one after the other: Enter or a comma ends one, Backspace takes the last away. */
export function TagInput({ values, onChange, placeholder, disabled, ...described }: TagInputProps) {
  const [text, setText] = useState("");
  const add = () => {
    const added = text.split(/[\s,]+/).filter((word) => word !== "" && !values.includes(word));
    if (added.length > 0) onChange([...values, ...added]);
    setText("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if ((event.key === "Enter" || event.key === ",") && text.trim() !== "") {
      event.preventDefault();
      add();
    } else if (event.key === "Backspace" && text === "") {
      onChange(values.slice(0, -1));
    }
  };
  return (
    <div
      className={cx(
        "flex min-h-8 flex-wrap items-center gap-1 rounded-md border border-line-strong bg-surface px-1.5 py-1",
        "focus-within:outline-2 focus-within:outline-accent-text",
        described["aria-invalid"] && "border-bad-mark",
      )}
    >
      {values.map((value) => (
        <span
          key={value}
          className="inline-flex items-center gap-0.5 rounded-sm bg-sunken pl-1.5 font-mono text-xs leading-5"
        >
          {value}
          <button
            type="button"
            aria-label={texts.common.remove(value)}
            disabled={disabled}
            onClick={() => onChange(values.filter((other) => other !== value))}
            className="rounded-sm p-0.5 text-muted hover:text-text"
          >
            <X className="size-3" aria-hidden />
          </button>
        </span>
      ))}
      <input
        {...described}
        value={text}
        disabled={disabled}
        placeholder={values.length === 0 ? placeholder : undefined}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
        onBlur={add}
        className="h-5 min-w-24 flex-1 bg-transparent px-1 text-sm outline-none"
      />
    </div>
  );
}
