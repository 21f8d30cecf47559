import type { Schemas } from "@/api/client";

export type Scheme = Schemas["SignatureSchemeSchema"];
export type SchemeType = Schemas["SchemeType"];
type Family = Schemas["HeaderFamilySchema"];

/** The headers that a scheme adds to each delivery, as they are written. */
export function headersOf(scheme: Scheme, family: Family): string[] {
  if (scheme.type === "standard") return [`${family}-signature`, `${family}-timestamp`];
  return Object.entries(scheme)
    .filter(([name, value]) => name.endsWith("Header") && value)
    .map(([, value]) => value as string);
}

/** What a change of schemes means for the receiver: headers that end, and headers that begin. */
export function headerChange(before: Scheme[], after: Scheme[], family: Family) {
  const all = (schemes: Scheme[]) => schemes.flatMap((scheme) => headersOf(scheme, family));
  const [old, now] = [all(before), all(after)];
  const without = (some: string[], others: string[]) => {
    const known = new Set(others.map((name) => name.toLowerCase()));
    return some.filter((name) => !known.has(name.toLowerCase()));
  };
  return { gone: without(old, now), added: without(now, old) };
}
