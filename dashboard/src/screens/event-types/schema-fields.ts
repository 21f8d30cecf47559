/** One field that a JSON Schema describes. */
export interface SchemaField {
  path: string;
  type: string;
  description: string;
  required: boolean;
}

interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  required?: string[];
  description?: string;
  enum?: unknown[];
  format?: string;
}

const DEEPEST = 4;

function typeOf(schema: Schema): string {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : (schema.type ?? "any");
  if (type === "array" && schema.items) return `${typeOf(schema.items)}[]`;
  return schema.format ? `${type} (${schema.format})` : type;
}

/** The fields of a JSON Schema as a flat list, as far down as people read. */
export function fieldsOf(value: unknown, prefix = "", depth = 0): SchemaField[] {
  if (depth >= DEEPEST || value === null || typeof value !== "object") return [];
  const schema = value as Schema;
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    if (inner === null || typeof inner !== "object") return [];
    const path = prefix + name;
    const below = inner.items ?? inner;
    return [
      {
        path,
        type: typeOf(inner),
        description: inner.description ?? "",
        required: schema.required?.includes(name) ?? false,
      },
      ...fieldsOf(below, `${path}${inner.items ? "[]" : ""}.`, depth + 1),
    ];
  });
}

/** A schema that fits an example: a start to write on from. */
export function schemaFor(example: unknown): Record<string, unknown> {
  if (Array.isArray(example)) {
    return example.length > 0 ? { type: "array", items: schemaFor(example[0]) } : { type: "array" };
  }
  if (example === null) return {};
  if (typeof example === "object") {
    const entries = Object.entries(example);
    return {
      type: "object",
      properties: Object.fromEntries(entries.map(([name, value]) => [name, schemaFor(value)])),
      required: entries.map(([name]) => name),
    };
  }
  if (typeof example === "number") {
    return { type: Number.isInteger(example) ? "integer" : "number" };
  }
  return { type: typeof example };
}
