import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Language } from "@/screens/signing/verify-code";

const PROGRAMS = {
  javascript: ["verify.mjs", process.execPath],
  python: ["verify.py", "python3"],
  curl: ["verify.sh", "bash"],
} as const;

/** The languages whose programs run here as they are. */
export const RUNNING = Object.keys(PROGRAMS) as Exclude<Language, "rust">[];

/** Texts that are hard to write in a program. */
export const BODIES = [
  '{"invoice":"in_1","amount":42.50}',
  `{ "quotes": "'\\"#\\u00e9é\u2028", "dollar": "$HOME \`id\` \\\\n",\n "emoji": "🦊", "end": "'" }`,
  "a\r\nb\n",
];

/** Runs a program with a secret as whoever copies it would, and gives what it prints. */
export function run(language: Exclude<Language, "rust">, code: string, secret: string): string {
  const [file, program] = PROGRAMS[language];
  const dir = mkdtempSync(join(tmpdir(), "verify-"));
  try {
    writeFileSync(join(dir, file), code);
    return execFileSync(program, [join(dir, file)], {
      env: { ...process.env, WEBHOOK_SECRET: secret },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
}
