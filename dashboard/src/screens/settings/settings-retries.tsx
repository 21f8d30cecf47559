import { zodResolver } from "@hookform/resolvers/zod";
import { useForm } from "react-hook-form";
import type { Settings } from "@/api/operator";
import { faultOf } from "@/api/problem";
import { RetryFields } from "@/screens/retries/retry-fields";
import { formOfRetry, policyOf, type RetryForm, retryForm } from "@/screens/retries/retry-form";
import { texts } from "@/texts";
import { Card } from "@/ui/layout";
import { Save, useSave } from "./settings-save";

/** When failed attempts are repeated, where neither endpoint nor event type says. */
export function SettingsRetries({ settings }: { settings: Settings }) {
  const form = useForm<RetryForm>({
    resolver: zodResolver(retryForm),
    defaultValues: formOfRetry(settings.retryPolicy),
    mode: "onChange",
  });
  const { errors } = form.formState;
  const saver = useSave();
  return (
    <Card title={texts.retries.title} hint={texts.settings.retriesHint}>
      <div className="flex max-w-xl flex-col gap-5">
        <RetryFields
          form={form.watch()}
          register={form.register}
          error={faultOf(saver.error, "retryPolicy")}
          faultOf={(name) => errors[name]?.message}
        />
        <Save
          saver={saver}
          onSave={form.handleSubmit((values) => saver.save({ retryPolicy: policyOf(values) }))}
        />
      </div>
    </Card>
  );
}
