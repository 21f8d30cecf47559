import { Controller, type FieldErrors, type UseFormReturn } from "react-hook-form";
import { RetryFields } from "@/screens/retries/retry-fields";
import type { Scheme } from "@/screens/signing/scheme";
import { SignatureFields } from "@/screens/signing/signature-fields";
import { texts } from "@/texts";
import { Field, Input, Select } from "@/ui/field";
import { Fold } from "@/ui/layout";
import { Pairs } from "@/ui/pairs";
import { TagInput } from "@/ui/tag-input";
import type { EndpointForm } from "./endpoint-form";

const t = texts.endpoints.form;

interface FoldProps {
  form: UseFormReturn<EndpointForm>;
}

/** The words at a path of the form's errors. */
function faultAt(errors: FieldErrors<EndpointForm>, path: string): string | undefined {
  let at: unknown = errors;
  for (const name of path.split(".")) at = (at as Record<string, unknown> | undefined)?.[name];
  return (at as { message?: string } | undefined)?.message;
}

/** How deliveries are signed. */
export function SignatureFold({ form, before }: FoldProps & { before: Scheme[] | null }) {
  const { errors, defaultValues, isSubmitted } = form.formState;
  const [schemes, family] = form.watch(["schemes", "headerFamily"]);
  const kinds = defaultValues?.schemes?.map((scheme) => scheme?.type).join();
  const isUsual =
    (kinds === "default" || kinds === "standard") && defaultValues?.headerFamily === "webhook";
  const isStandard = schemes.some(({ type }) => type === "standard" || type === "default");
  return (
    <Fold
      title={texts.signature.title}
      aside={schemes.map(({ type }) => texts.signature.types[type]).join(" + ")}
      open={!isUsual || Boolean(errors.schemes)}
    >
      <Controller
        control={form.control}
        name="schemes"
        render={({ field }) => (
          <SignatureFields
            schemes={field.value}
            onChange={field.onChange}
            before={before}
            family={family}
            error={errors.schemes?.message}
            faultAt={(at, name) => {
              // What is not filled in yet is no fault before the form is sent.
              const isEmpty = field.value[at]?.particulars[name.replace("particulars.", "")] === "";
              if (isEmpty && !isSubmitted) return undefined;
              return faultAt(errors, `schemes.${at}.${name}`);
            }}
          />
        )}
      />
      {isStandard && (
        <Field label={texts.signature.family} hint={texts.signature.familyHint}>
          {(described) => (
            <Select {...described} {...form.register("headerFamily")}>
              <option value="webhook">webhook-id, webhook-signature</option>
              <option value="svix">svix-id, svix-signature</option>
            </Select>
          )}
        </Field>
      )}
    </Fold>
  );
}

/** When failed attempts are repeated. */
export function RetryFold({ form }: FoldProps) {
  const { errors, defaultValues } = form.formState;
  const retry = form.watch("retry");
  return (
    <Fold
      title={texts.retries.title}
      aside={texts.retries.kinds[retry.kind]}
      open={defaultValues?.retry?.kind !== "default" || Boolean(errors.retry)}
    >
      <RetryFields
        form={retry}
        register={(name) => form.register(`retry.${name}`)}
        error={errors.retry?.message}
        faultOf={(name) => faultAt(errors, `retry.${name}`)}
      />
    </Fold>
  );
}

/** What most endpoints leave as it is. */
export function AdvancedFold({ form }: FoldProps) {
  const { errors, defaultValues: before } = form.formState;
  const isSet = Boolean(
    before?.channels?.length ||
      before?.headers?.length ||
      before?.throttleRate ||
      before?.timeoutSeconds ||
      before?.uid,
  );
  const fault =
    errors.channels ?? errors.throttleRate ?? errors.timeoutSeconds ?? errors.uid ?? errors.headers;
  return (
    <Fold title={t.advanced} open={isSet || Boolean(fault)}>
      <Controller
        control={form.control}
        name="channels"
        render={({ field, fieldState }) => (
          <Field
            label={t.channels}
            hint={t.channelsHint}
            error={fieldState.error?.message ?? errors.channels?.find?.((e) => e?.message)?.message}
          >
            {(described) => (
              <TagInput {...described} values={field.value} onChange={field.onChange} />
            )}
          </Field>
        )}
      />
      <Controller
        control={form.control}
        name="headers"
        render={({ field }) => (
          <div className="flex flex-col gap-1.5">
            <span className="text-sm font-medium">{t.headers}</span>
            <Pairs
              label={t.headers}
              pairs={field.value}
              onChange={field.onChange}
              namePlaceholder="x-api-key"
            />
            <span className={errors.headers ? "text-xs text-bad" : "text-xs text-muted"}>
              {errors.headers?.message ?? t.headersHint}
            </span>
          </div>
        )}
      />
      <div className="grid gap-5 sm:grid-cols-2">
        <Field label={t.throttle} hint={t.throttleHint} error={errors.throttleRate?.message}>
          {(described) => (
            <Input {...described} {...form.register("throttleRate")} inputMode="numeric" />
          )}
        </Field>
        <Field label={t.timeout} hint={t.timeoutHint} error={errors.timeoutSeconds?.message}>
          {(described) => (
            <Input {...described} {...form.register("timeoutSeconds")} inputMode="numeric" />
          )}
        </Field>
        <Field label={t.uid} hint={t.uidHint} error={errors.uid?.message}>
          {(described) => <Input {...described} {...form.register("uid")} mono />}
        </Field>
      </div>
    </Fold>
  );
}
