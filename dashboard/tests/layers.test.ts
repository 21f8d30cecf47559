import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

/** What each layer of `src` may import, besides itself; the lowest first. */
const LAYERS: Record<string, string[]> = {
  texts: [],
  ui: ["texts"],
  api: ["texts"],
  session: ["texts", "ui", "api"],
  shell: ["texts", "ui", "api", "session"],
  screens: ["texts", "ui", "api", "session", "shell"],
  "router.tsx": ["shell", "screens"],
  "app.tsx": ["ui", "api", "session", "screens", "router.tsx"],
  "main.tsx": ["ui", "session", "shell", "app.tsx"],
};

/** The text of each file, by its path in `src`. */
type Sources = Map<string, string>;
/** What each node imports. */
type Graph = Map<string, Set<string>>;

function sources(): Sources {
  const src = new URL("../src", import.meta.url).pathname;
  const files = readdirSync(src, { recursive: true, encoding: "utf8" });
  const code = files.filter((file) => /\.tsx?$/.test(file));
  return new Map(code.map((file) => [file, readFileSync(join(src, file), "utf8")]));
}

/** What a file names in its imports: of types too, and of what is loaded later. */
function namedIn(file: string, text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node) => {
    const named =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
          ? node.arguments[0]
          : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
            ? node.argument.literal
            : undefined;
    if (named && ts.isStringLiteral(named)) found.push(named.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest));
  return found;
}

const ENDINGS = ["", ".ts", ".tsx", ".d.ts", "/index.ts"];

/** Which file of ours imports which; packages, styles and pictures are left out. */
function imports(files: Sources): Graph {
  const graph: Graph = new Map();
  for (const [file, text] of files) {
    const paths = namedIn(file, text).map((name) =>
      name.startsWith("@/") ? name.slice(2) : name.startsWith(".") ? join(dirname(file), name) : "",
    );
    const found = paths.map((path) =>
      ENDINGS.map((ending) => path + ending).find((one) => files.has(one)),
    );
    graph.set(file, new Set(found.filter((one) => one !== undefined)));
  }
  return graph;
}

/** The nodes of a way that leads back to its beginning, if there is one. */
function cycle(graph: Graph): string[] {
  const done = new Set<string>();
  const way: string[] = [];
  const walk = (node: string): string[] => {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node];
    if (done.has(node)) return [];
    way.push(node);
    for (const next of graph.get(node) ?? []) {
      const found = walk(next);
      if (found.length > 0) return found;
    }
    way.pop();
    done.add(node);
    return [];
  };
  for (const node of graph.keys()) {
    const found = walk(node);
    if (found.length > 0) return found;
  }
  return [];
}

/** The same graph seen from farther away; what a node imports of itself is left out. */
function grouped(graph: Graph, groupOf: (file: string) => string | undefined): Graph {
  const groups: Graph = new Map();
  for (const [file, targets] of graph) {
    const from = groupOf(file);
    if (from === undefined) continue;
    const known = groups.get(from) ?? new Set();
    for (const target of targets) {
      const to = groupOf(target);
      if (to !== undefined && to !== from) known.add(to);
    }
    groups.set(from, known);
  }
  return groups;
}

const layerOf = (file: string) => file.split("/")[0] ?? file;
const featureOf = (file: string) => /^screens\/([^/]+)\//.exec(file)?.[1];

/** Every import that a layer may not make. */
function upward(graph: Graph): string[] {
  return [...graph].flatMap(([file, targets]) => {
    const layer = layerOf(file);
    const allowed = [layer, ...(LAYERS[layer] ?? [])];
    return [...targets]
      .filter((target) => !allowed.includes(layerOf(target)))
      .map((target) => `${file} imports ${target}`);
  });
}

test("each layer imports only those below it", () => {
  const graph = imports(sources());
  expect([...grouped(graph, layerOf).keys()].sort()).toEqual(Object.keys(LAYERS).sort());
  expect(upward(graph)).toEqual([]);
});

test("no files import each other in a circle, nor do the features of the screens", () => {
  const graph = imports(sources());
  expect(cycle(graph)).toEqual([]);
  expect(cycle(grouped(graph, featureOf))).toEqual([]);
});

test("an import upwards and a circle are found, of types and of what is loaded later too", () => {
  const planted = imports(
    new Map([
      ["api/client.ts", 'import type { Session } from "@/session/store";'],
      ["session/store.ts", 'const load = () => import("../shell/places");'],
      ["shell/places.ts", 'export { api } from "@/api/client";'],
      ["screens/keys/keys.tsx", 'import { A } from "@/screens/tasks/a";'],
      ["screens/tasks/a.tsx", ""],
      ["screens/tasks/b.tsx", 'import { C } from "../keys/c";'],
      ["screens/keys/c.tsx", ""],
    ]),
  );
  expect(upward(planted)).toEqual([
    "api/client.ts imports session/store.ts",
    "session/store.ts imports shell/places.ts",
  ]);
  expect(cycle(planted)).toEqual([
    "api/client.ts",
    "session/store.ts",
    "shell/places.ts",
    "api/client.ts",
  ]);
  expect(cycle(grouped(planted, featureOf))).toEqual(["keys", "tasks", "keys"]);
});
