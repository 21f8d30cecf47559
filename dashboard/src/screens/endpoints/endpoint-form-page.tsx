import { zodResolver } from "@hookform/resolvers/zod";
import { useParams } from "@tanstack/react-router";
import { CircleCheck, TriangleAlert } from "lucide-react";
import { Controller, useForm } from "react-hook-form";
import type { Schemas } from "@/api/client";
import {
  type Endpoint,
  useChangeEndpoint,
  useCreateEndpoint,
  useEndpoint,
  useHeaders,
} from "@/api/endpoints";
import { useEventTypes } from "@/api/event-types";
import { faultOf } from "@/api/problem";
import type { Scheme } from "@/screens/signing/scheme";
import { Link, useAddress, useGo } from "@/shell/link";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { Button, buttonClass } from "@/ui/button";
import { EventPicker } from "@/ui/event-picker";
import { Field, Input } from "@/ui/field";
import { Card, Page } from "@/ui/layout";
import { Failed, Loading, Note } from "@/ui/states";
import { toast } from "@/ui/toast";
import { AdvancedFold, RetryFold, SignatureFold } from "./endpoint-folds";
import {
  blank,
  changed,
  created,
  type EndpointForm,
  endpointForm,
  FORM_NAMES,
  formOf,
} from "./endpoint-form";
import { checkUrl } from "./url-check";

const t = texts.endpoints.form;

/** Makes an endpoint, or changes one. */
export default function EndpointFormPage() {
  const { endpoint } = useParams({ strict: false }) as { endpoint?: string };
  const [address] = useAddress();
  return endpoint ? <Edit endpoint={endpoint} /> : <Create url={address.url} />;
}

function Create({ url }: { url?: string }) {
  const { app, base } = useScope();
  const go = useGo();
  const create = useCreateEndpoint(app);
  const save = async (form: EndpointForm) => {
    const made = await create.mutateAsync(created(form));
    toast.ok(texts.endpoints.created);
    go(`${base}/endpoints/${made.id}`, {}, true);
  };
  return (
    <Form
      title={t.createTitle}
      back={`${base}/endpoints`}
      submit={t.submitCreate}
      before={blank(url)}
      schemes={null}
      save={save}
    />
  );
}

function Edit({ endpoint }: { endpoint: string }) {
  const { app } = useScope();
  const query = useEndpoint(app, endpoint);
  const headers = useHeaders(app, endpoint);
  const error = query.error ?? headers.error;
  if (error) return <Failed error={error} retry={() => void query.refetch()} />;
  if (!query.data || !headers.data) return <Loading lines={8} />;
  return <EditForm endpoint={query.data} headers={headers.data} />;
}

function EditForm({ endpoint, headers }: { endpoint: Endpoint; headers: Schemas["HeadersOut"] }) {
  const { app, base } = useScope();
  const go = useGo();
  const change = useChangeEndpoint(app, endpoint.id);
  const back = `${base}/endpoints/${endpoint.id}`;
  const save = async (form: EndpointForm) => {
    await change.mutateAsync(changed(form, headers));
    toast.ok(texts.common.saved);
    go(back);
  };
  return (
    <Form
      title={t.editTitle}
      back={back}
      submit={texts.common.save}
      before={formOf(endpoint, headers)}
      schemes={endpoint.signatureScheme}
      save={save}
    />
  );
}

interface FormProps {
  title: string;
  back: string;
  submit: string;
  before: EndpointForm;
  /** How the endpoint is signed now; null where it is being made. */
  schemes: Scheme[] | null;
  save: (form: EndpointForm) => Promise<void>;
}

function Form({ title, back, submit, before, schemes, save }: FormProps) {
  const types = useEventTypes();
  const form = useForm<EndpointForm>({
    resolver: zodResolver(endpointForm),
    defaultValues: before,
    mode: "onChange",
  });
  const { errors, isSubmitting, dirtyFields } = form.formState;
  const rootError = errors.root?.message;
  const onSubmit = form.handleSubmit(async (values) => {
    try {
      await save(values);
    } catch (error) {
      tell(error, form.setError);
    }
  });
  return (
    <Page
      title={title}
      crumb={
        <Link to={back} className="hover:underline">
          ← {texts.common.back}
        </Link>
      }
    >
      <form onSubmit={onSubmit} noValidate className="flex max-w-2xl flex-col gap-5">
        {rootError && <Note tone="bad">{rootError}</Note>}
        <Card>
          <div className="flex flex-col gap-5">
            <Controller
              control={form.control}
              name="url"
              render={({ field }) => (
                <Field
                  label={t.url}
                  error={dirtyFields.url || form.formState.isSubmitted ? errors.url?.message : null}
                  hint={<UrlHint text={field.value} />}
                >
                  {(described) => (
                    <Input
                      {...described}
                      {...field}
                      mono
                      type="url"
                      inputMode="url"
                      placeholder="https://example.com/webhooks"
                    />
                  )}
                </Field>
              )}
            />
            <Field
              label={texts.endpoints.form.description}
              optional={texts.common.optional}
              error={errors.description?.message}
            >
              {(described) => (
                <Input
                  {...described}
                  {...form.register("description")}
                  placeholder={t.descriptionPlaceholder}
                />
              )}
            </Field>
            <Controller
              control={form.control}
              name="eventTypes"
              render={({ field }) => (
                <div className="flex flex-col gap-1.5">
                  <span className="text-sm font-medium">{t.events}</span>
                  {types.error ? (
                    <Failed error={types.error} retry={() => void types.refetch()} />
                  ) : types.data ? (
                    <EventPicker
                      types={types.data.map((type) => ({ ...type, group: type.groupName }))}
                      chosen={field.value}
                      onChange={field.onChange}
                    />
                  ) : (
                    <Loading lines={3} />
                  )}
                  <span className="text-xs text-muted">
                    {errors.eventTypes?.message ?? t.eventsHint}
                  </span>
                </div>
              )}
            />
          </div>
        </Card>
        <SignatureFold form={form} before={schemes} />
        <RetryFold form={form} />
        <AdvancedFold form={form} />
        <div className="flex gap-2">
          <Button kind="primary" type="submit" busy={isSubmitting}>
            {submit}
          </Button>
          <Link to={back} className={buttonClass()}>
            {texts.common.cancel}
          </Link>
        </div>
      </form>
    </Page>
  );
}

type SetError = (name: keyof EndpointForm | "root", error: { message: string }) => void;

/** Puts what the API refused beside the field that it is about. */
function tell(error: unknown, setError: SetError) {
  let told = false;
  for (const name of [...Object.keys(blank()), ...Object.keys(FORM_NAMES)]) {
    const message = faultOf(error, name);
    if (message) {
      setError(FORM_NAMES[name] ?? (name as keyof EndpointForm), { message });
      told = true;
    }
  }
  if (!told) setError("root", { message: error instanceof Error ? error.message : String(error) });
}

function UrlHint({ text }: { text: string }) {
  const verdict = checkUrl(text);
  if (!verdict.ok) return t.urlHint;
  if (verdict.warning) {
    return (
      <span className="flex items-center gap-1.5 text-warn">
        <TriangleAlert className="size-3.5 shrink-0" aria-hidden />
        {verdict.warning}
      </span>
    );
  }
  return (
    <span className="flex items-center gap-1.5 text-ok">
      <CircleCheck className="size-3.5 shrink-0" aria-hidden />
      <span className="truncate">{t.urlOk(verdict.url)}</span>
    </span>
  );
}
