import type { UseFormRegisterReturn } from "react-hook-form";
import { texts } from "@/texts";
import { Field, Input, Select } from "@/ui/field";
import { Note } from "@/ui/states";
import { policyOf, type RetryForm, retryForm } from "./retry-form";
import { RetryPlan } from "./retry-plan";

const t = texts.retries;

interface RetryFieldsProps {
  form: RetryForm;
  /** Ties a control to a field of the form. */
  register: (name: keyof RetryForm) => UseFormRegisterReturn;
  /** What is wrong with all of it. */
  error?: string;
  faultOf: (name: keyof RetryForm) => string | undefined;
}

/** When failed attempts are repeated, with the times that come of it. */
export function RetryFields({ form, register, error, faultOf }: RetryFieldsProps) {
  const text = (name: Exclude<keyof RetryForm, "kind">, hint?: string) => (
    <Field label={t[name]} hint={hint} error={faultOf(name)}>
      {(described) => <Input {...described} {...register(name)} />}
    </Field>
  );
  const policy = retryForm.safeParse(form).success ? policyOf(form) : null;
  return (
    <>
      {error && <Note tone="bad">{error}</Note>}
      <Field label={t.label} hint={t.about[form.kind]}>
        {(described) => (
          <Select {...described} {...register("kind")}>
            {(["default", "schedule", "exponential"] as const).map((kind) => (
              <option key={kind} value={kind}>
                {t.kinds[kind]}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {form.kind === "schedule" && text("delays", t.delaysHint)}
      {form.kind === "exponential" && (
        <div className="grid gap-5 sm:grid-cols-2">
          {text("initial")}
          {text("factor")}
          {text("maxInterval")}
          {text("horizon")}
        </div>
      )}
      {policy && <RetryPlan policy={policy} />}
    </>
  );
}
