import { examplesOf, schemaOf, useEventType } from "@/api/event-types";
import { texts } from "@/texts";
import { Badge } from "@/ui/badge";
import { Code } from "@/ui/code";
import { Card } from "@/ui/layout";
import { Failed, Loading } from "@/ui/states";
import { Table } from "@/ui/table";
import { fieldsOf } from "./schema-fields";

const t = texts.catalogue;

/** One event type: its fields, its examples, its whole schema. */
export function EventTypeView({ name }: { name: string }) {
  const query = useEventType(name);
  if (query.error) {
    return (
      <Card flush>
        <Failed error={query.error} retry={() => void query.refetch()} />
      </Card>
    );
  }
  if (!query.data) {
    return (
      <Card flush>
        <Loading lines={6} />
      </Card>
    );
  }
  const type = query.data;
  const schema = schemaOf(type);
  const examples = examplesOf(type);
  const fields = fieldsOf(schema);
  return (
    <article className="flex min-w-0 flex-col gap-4">
      <header className="flex flex-col gap-1">
        <h2 className="flex flex-wrap items-center gap-2 font-mono text-base font-semibold [overflow-wrap:anywhere]">
          {type.name}
          {type.deprecated && <Badge tone="warn">{t.deprecated}</Badge>}
          {type.archived && <Badge>{t.archived}</Badge>}
        </h2>
        <p className="text-sm text-muted">{type.description}</p>
      </header>
      {examples.length === 0 && <p className="text-sm text-muted">{t.noExample}</p>}
      {examples.map((example, at) => (
        <Code
          key={JSON.stringify(example)}
          label={examples.length > 1 ? t.exampleNth(at + 1) : t.example}
          language="json"
          code={JSON.stringify(example, null, 2)}
        />
      ))}
      {fields.length > 0 && (
        <Card title={t.fields} flush>
          <Table
            caption={t.fields}
            columns={[
              { label: t.field.name },
              { label: t.field.type },
              { label: t.field.description, from: "sm" },
            ]}
          >
            {fields.map((field) => (
              <tr key={field.path} className="border-b border-line last:border-0">
                <td className="px-4 py-2 font-mono text-xs [overflow-wrap:anywhere]">
                  {field.path}
                  {field.required && (
                    <span className="ml-1.5 font-sans text-faint">{t.field.required}</span>
                  )}
                </td>
                <td className="px-4 py-2 font-mono text-xs text-muted">{field.type}</td>
                <td className="px-4 py-2 text-muted max-sm:hidden">{field.description}</td>
              </tr>
            ))}
          </Table>
        </Card>
      )}
      {schema ? (
        <Code label={t.schema} language="json" code={JSON.stringify(schema, null, 2)} tall />
      ) : (
        <p className="text-sm text-muted">{t.noSchema}</p>
      )}
    </article>
  );
}
