import { Search } from "lucide-react";
import {
  type InputHTMLAttributes,
  type ReactNode,
  type Ref,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from "react";
import { cx } from "./cx";

const CONTROL =
  "w-full rounded-md border bg-surface text-text text-sm px-2.5 transition-colors " +
  "border-line-strong hover:border-faint focus-visible:outline-offset-0 " +
  "disabled:bg-sunken disabled:text-muted aria-[invalid=true]:border-bad-mark";

export interface Described {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: true;
}

interface FieldProps {
  label: string;
  /** A word of help under the control. */
  hint?: ReactNode;
  error?: string | null;
  /** Said beside the label. */
  aside?: ReactNode;
  optional?: string;
  className?: string;
  children: (described: Described) => ReactNode;
}

/** A control with its label, its help and what is wrong with it. */
export function Field(props: FieldProps) {
  const id = useId();
  const { label, hint, error, aside, optional, className, children } = props;
  const note = error ? `${id}-error` : hint ? `${id}-hint` : undefined;
  return (
    <div className={cx("flex flex-col gap-1.5", className)}>
      <div className="flex items-baseline justify-between gap-2">
        <label htmlFor={id} className="text-sm font-medium">
          {label}
          {optional && <span className="ml-1.5 font-normal text-faint">{optional}</span>}
        </label>
        {aside}
      </div>
      {children({ id, "aria-describedby": note, "aria-invalid": error ? true : undefined })}
      {error ? (
        <p id={`${id}-error`} className="text-xs text-bad" role="alert">
          {error}
        </p>
      ) : (
        hint && (
          <p id={`${id}-hint`} className="text-xs text-muted">
            {hint}
          </p>
        )
      )}
    </div>
  );
}

type InputProps = InputHTMLAttributes<HTMLInputElement> & {
  mono?: boolean;
  ref?: Ref<HTMLInputElement>;
};

export function Input({ mono, className, ...rest }: InputProps) {
  return (
    <input
      autoComplete="off"
      spellCheck={false}
      {...rest}
      className={cx(CONTROL, "h-8", mono && "font-mono text-xs", className)}
    />
  );
}

type SearchInputProps = Omit<InputProps, "type" | "aria-label" | "placeholder"> & {
  label: string;
};

/** A field to search with. */
export function SearchInput({ label, className, ...rest }: SearchInputProps) {
  return (
    <div className={cx("relative", className)}>
      <Search
        className="pointer-events-none absolute top-2 left-2.5 size-4 text-faint"
        aria-hidden
      />
      <Input type="search" aria-label={label} placeholder={label} {...rest} className="pl-8!" />
    </div>
  );
}

type TextareaProps = TextareaHTMLAttributes<HTMLTextAreaElement> & {
  mono?: boolean;
  ref?: Ref<HTMLTextAreaElement>;
};

export function Textarea({ mono, className, ...rest }: TextareaProps) {
  return (
    <textarea
      spellCheck={!mono}
      {...rest}
      className={cx(CONTROL, "min-h-20 py-1.5", mono && "font-mono text-xs", className)}
    />
  );
}

type SelectProps = SelectHTMLAttributes<HTMLSelectElement> & { ref?: Ref<HTMLSelectElement> };

/** The system's own list: it works by keyboard, by touch and for screen readers everywhere. */
export function Select({ className, children, ...rest }: SelectProps) {
  return (
    <select {...rest} className={cx(CONTROL, "h-8 pr-7", className)}>
      {children}
    </select>
  );
}

type CheckProps = InputHTMLAttributes<HTMLInputElement> & {
  label: ReactNode;
  hint?: ReactNode;
  ref?: Ref<HTMLInputElement>;
};

export function Checkbox({ label, hint, className, ...rest }: CheckProps) {
  return (
    <label className={cx("flex items-start gap-2.5 text-sm", className)}>
      <input type="checkbox" {...rest} className="mt-0.5 size-4 shrink-0 rounded-sm " />
      <span className="min-w-0">
        <span className="block">{label}</span>
        {hint && <span className="block text-xs text-muted">{hint}</span>}
      </span>
    </label>
  );
}

interface ChoiceProps {
  /** The same for all of which one holds. */
  name: string;
  isChosen: boolean;
  onChoose: () => void;
  className?: string;
  children: ReactNode;
}

/** One of several of which one holds: a radio button that is seen by its ground alone. */
export function Choice({ name, isChosen, onChoose, className, children }: ChoiceProps) {
  return (
    <label
      className={cx(
        "rounded-sm px-2.5",
        "has-checked:bg-accent-soft has-checked:text-accent-text",
        "has-focus-visible:outline-2 has-focus-visible:outline-accent-text",
        className,
      )}
    >
      <input type="radio" name={name} className="sr-only" checked={isChosen} onChange={onChoose} />
      {children}
    </label>
  );
}

interface SegmentsProps<T extends string> {
  label: string;
  value: T;
  options: { value: T; label: string }[];
  onChange: (value: T) => void;
}

/** A few choices of which one holds, side by side. */
export function Segments<T extends string>({ label, value, options, onChange }: SegmentsProps<T>) {
  const name = useId();
  return (
    <fieldset className="inline-flex rounded-md border border-line-strong bg-surface p-0.5">
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <Choice
          key={option.value}
          name={name}
          isChosen={value === option.value}
          onChoose={() => onChange(option.value)}
          className="py-0.5 text-xs font-medium text-muted hover:text-text"
        >
          {option.label}
        </Choice>
      ))}
    </fieldset>
  );
}
