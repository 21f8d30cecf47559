import { quoted, shellWord } from "./quoting";

/** What a program is about: names and values, in the order in which they are read. */
export type Variables = [string, string][];

const lines = (variables: Variables, line: (name: string, value: string) => string) =>
  variables.map(([name, value]) => line(name, value)).join("\n");

export const inJavascript = (variables: Variables) =>
  lines(variables, (name, value) => `const ${name} = ${quoted(value)};`);

export const inPython = (variables: Variables) =>
  lines(variables, (name, value) => `${name} = ${quoted(value)}`);

/** Turns bytes into hexadecimal digits in a shell. */
export const HEX = "od -An -v -tx1 | tr -d ' \\n'";

/** A script that makes this check of what was sent and, given a URL, sends the same there. */
export function shellScript(variables: Variables, check: string, headers: string[]): string {
  return `#!/usr/bin/env bash
# bash verify.sh [URL]: with a URL, also sends the same request there.
set -eu
${lines(variables, (name, value) => `${name}=${shellWord(value)}`)}

${check}

if [ $# -gt 0 ]; then
  curl -sS -i "$1" \\
    -H 'content-type: application/json' \\
${headers.map((header) => `    -H ${header} \\`).join("\n")}
    --data-binary "$body"
fi
`;
}
