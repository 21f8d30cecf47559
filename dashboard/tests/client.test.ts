import { readFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";
import { expect, test } from "vitest";

test("the typed client is what openapi.json says (npm run client writes it)", async () => {
  const document = new URL("../../openapi.json", import.meta.url);
  const fresh = astToString(await openapiTS(document, { alphabetize: true }));
  const kept = readFileSync(new URL("../src/api/schema.d.ts", import.meta.url), "utf8");
  expect(kept.endsWith(fresh)).toBe(true);
}, 30_000);
