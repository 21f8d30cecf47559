import { useParams } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import type { Schemas } from "@/api/client";
import {
  type EventType,
  schemaOf,
  useChangeEventType,
  useCreateEventType,
  useEventType,
} from "@/api/event-types";
import { faultOf } from "@/api/problem";
import { Link, useGo } from "@/shell/link";
import { texts } from "@/texts";
import { Button, buttonClass } from "@/ui/button";
import { Checkbox, Field, Input, Textarea } from "@/ui/field";
import { Card, Page } from "@/ui/layout";
import { Failed, Loading, Note } from "@/ui/states";
import { toast } from "@/ui/toast";
import { schemaFor } from "./schema-fields";

const t = texts.catalogue.form;
const LIST = "/console/event-types";

/** Makes an event type, or changes one. */
export default function EventTypeForm() {
  const { name } = useParams({ strict: false }) as { name?: string };
  return name ? <Edit name={name} /> : <Create />;
}

function Create() {
  const create = useCreateEventType();
  return (
    <Form
      title={t.createTitle}
      before={BLANK}
      error={create.error}
      busy={create.isPending}
      save={(values, done) =>
        create.mutate({ ...bodyOf(values), name: values.name }, { onSuccess: done })
      }
    />
  );
}

function Edit({ name }: { name: string }) {
  const query = useEventType(name);
  const change = useChangeEventType(name);
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Loading lines={8} />;
  const other = query.data.schemas as Record<string, unknown> | null;
  return (
    <Form
      title={t.editTitle(name)}
      before={valuesOf(query.data)}
      error={change.error}
      busy={change.isPending}
      fixedName
      save={(values, done) => {
        const body = bodyOf(values);
        // Other versions of the schema stay as they are.
        const { 1: _, ...rest } = other ?? {};
        const schemas = { ...rest, ...body.schemas } as Schemas["EventTypePatch"]["schemas"];
        const patch = { ...body, schemas: Object.keys(schemas ?? {}).length > 0 ? schemas : null };
        change.mutate(patch, { onSuccess: done });
      }}
    />
  );
}

interface Values {
  name: string;
  description: string;
  groupName: string;
  deprecated: boolean;
  schema: string;
  example: string;
}

const BLANK: Values = {
  name: "",
  description: "",
  groupName: "",
  deprecated: false,
  schema: "",
  example: "",
};

function valuesOf(type: EventType): Values {
  const { examples, ...schema } = schemaOf(type) ?? {};
  const text = (value: unknown) => JSON.stringify(value, null, 2);
  return {
    name: type.name,
    description: type.description,
    groupName: type.groupName ?? "",
    deprecated: type.deprecated,
    schema: Object.keys(schema).length > 0 ? text(schema) : "",
    example: examples && examples.length > 0 ? text(examples[0]) : "",
  };
}

/** An object, nothing for nothing; else what is wrong. */
function read(text: string): { value?: Record<string, unknown>; problem?: string } {
  if (text.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || typeof value !== "object" || Array.isArray(value)) {
      return { problem: t.notObject };
    }
    return { value: value as Record<string, unknown> };
  } catch (error) {
    return { problem: t.notJson(error instanceof Error ? error.message : String(error)) };
  }
}

function bodyOf(values: Values) {
  const schema = read(values.schema).value;
  const example = read(values.example).value;
  const one = schema || example ? { ...schema, ...(example && { examples: [example] }) } : null;
  return {
    description: values.description,
    groupName: values.groupName || null,
    deprecated: values.deprecated,
    schemas: (one && { "1": one }) as Schemas["EventTypeIn"]["schemas"],
  };
}

interface FormProps {
  title: string;
  before: Values;
  error: Error | null;
  busy: boolean;
  fixedName?: boolean;
  save: (values: Values, done: () => void) => void;
}

function Form({ title, before, error, busy, fixedName, save }: FormProps) {
  const [values, setValues] = useState(before);
  const go = useGo();
  const set = (change: Partial<Values>) => setValues({ ...values, ...change });
  const schema = read(values.schema);
  const example = read(values.example);
  const faults = {
    name: faultOf(error, "name"),
    description: faultOf(error, "description"),
    groupName: faultOf(error, "groupName"),
    schemas: faultOf(error, "schemas"),
  };
  const other = error && !Object.values(faults).some(Boolean);
  const complete =
    values.name !== "" && values.description.trim() !== "" && !schema.problem && !example.problem;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    save(values, () => {
      toast.ok(t.saved);
      go(LIST);
    });
  };
  return (
    <Page
      title={title}
      crumb={
        <Link to={LIST} className="hover:underline">
          ← {texts.nav.eventTypes}
        </Link>
      }
    >
      <form onSubmit={onSubmit} className="flex max-w-3xl flex-col gap-5">
        {other && <Note tone="bad">{error.message}</Note>}
        <Card>
          <div className="flex flex-col gap-5">
            <div className="grid gap-5 sm:grid-cols-2">
              <Field label={t.name} hint={fixedName ? t.nameFixed : t.nameHint} error={faults.name}>
                {(described) => (
                  <Input
                    {...described}
                    mono
                    disabled={fixedName}
                    placeholder="invoice.paid"
                    value={values.name}
                    onChange={(event) => set({ name: event.target.value.trim() })}
                  />
                )}
              </Field>
              <Field
                label={t.group}
                optional={texts.common.optional}
                hint={t.groupHint}
                error={faults.groupName}
              >
                {(described) => (
                  <Input
                    {...described}
                    value={values.groupName}
                    onChange={(event) => set({ groupName: event.target.value })}
                  />
                )}
              </Field>
            </div>
            <Field label={t.description} error={faults.description}>
              {(described) => (
                <Input
                  {...described}
                  value={values.description}
                  onChange={(event) => set({ description: event.target.value })}
                />
              )}
            </Field>
            <Checkbox
              label={t.deprecated}
              hint={t.deprecatedHint}
              checked={values.deprecated}
              onChange={(event) => set({ deprecated: event.target.checked })}
            />
          </div>
        </Card>
        <Card>
          <div className="grid gap-5 lg:grid-cols-2">
            <Field label={t.example} hint={t.exampleHint} error={example.problem}>
              {(described) => (
                <Textarea
                  {...described}
                  mono
                  rows={14}
                  value={values.example}
                  onChange={(event) => set({ example: event.target.value })}
                />
              )}
            </Field>
            <Field
              label={t.schema}
              hint={t.schemaHint}
              error={schema.problem ?? faults.schemas}
              aside={
                example.value && (
                  <button
                    type="button"
                    className="rounded-sm text-xs font-medium text-accent-text hover:underline"
                    onClick={() =>
                      set({ schema: JSON.stringify(schemaFor(example.value), null, 2) })
                    }
                  >
                    {t.fromExample}
                  </button>
                )
              }
            >
              {(described) => (
                <Textarea
                  {...described}
                  mono
                  rows={14}
                  value={values.schema}
                  onChange={(event) => set({ schema: event.target.value })}
                />
              )}
            </Field>
          </div>
        </Card>
        <div className="flex gap-2">
          <Button kind="primary" type="submit" busy={busy} disabled={!complete}>
            {fixedName ? texts.common.save : t.createAction}
          </Button>
          <Link to={LIST} className={buttonClass()}>
            {texts.common.cancel}
          </Link>
        </div>
      </form>
    </Page>
  );
}
