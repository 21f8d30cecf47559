export interface TreeType {
  name: string;
  description: string;
  deprecated?: boolean;
  group?: string | null;
}

export interface TreeGroup {
  name: string;
  types: TreeType[];
}

/** The group of an event type: as the catalogue says, else what stands before the first dot. */
function groupOf(type: TreeType): string {
  if (type.group) return type.group;
  const dot = type.name.indexOf(".");
  return dot > 0 ? type.name.slice(0, dot) : "";
}

/** Event types in groups, both in the order of their names; only those that `search` matches. */
export function grouped(types: TreeType[], search: string): TreeGroup[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map<string, TreeType[]>();
  for (const type of types) {
    const text = `${type.name} ${type.description} ${type.group ?? ""}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) continue;
    const group = groupOf(type);
    groups.set(group, [...(groups.get(group) ?? []), type]);
  }
  return [...groups.entries()]
    .map(([name, list]) => ({
      name,
      types: list.toSorted((a, b) => a.name.localeCompare(b.name)),
    }))
    .toSorted((a, b) => (a.name === "" ? 1 : b.name === "" ? -1 : a.name.localeCompare(b.name)));
}
