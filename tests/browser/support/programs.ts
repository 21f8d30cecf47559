import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { binary } from "./server";

/** How it went: what was printed, and whether it ended well. */
interface Ended {
  ok: boolean;
  out: string;
  err: string;
}

function ran(program: string, args: string[], secret: string): Ended {
  const env = { ...process.env, WEBHOOK_SECRET: secret };
  const { status, stdout, stderr, error } = spawnSync(program, args, { env, encoding: "utf8" });
  if (error) throw error;
  return { ok: status === 0, out: stdout, err: stderr };
}

/** Compiles against the crate that was built beside the server. */
function rust(file: string, secret: string): Ended {
  const built = dirname(binary());
  const crate = join(built, "libpostrider_verify.rlib");
  if (!existsSync(crate)) throw new Error(`${crate} is missing: run \`make debug\``);
  const program = `${file}.out`;
  const compiled = ran(
    process.env.RUSTC ?? "rustc",
    ["--edition", "2024", "--extern", `postrider_verify=${crate}`]
      .concat("-L", `dependency=${join(built, "deps")}`)
      .concat("-D", "warnings", "-o", program, file),
    "",
  );
  if (!compiled.ok) throw new Error(compiled.err);
  return ran(program, [], secret);
}

const RUNS: Record<string, [string, (file: string, secret: string) => Ended]> = {
  Rust: ["verify.rs", rust],
  JavaScript: ["verify.mjs", (file, secret) => ran(process.execPath, [file], secret)],
  Python: ["verify.py", (file, secret) => ran("python3", [file], secret)],
  curl: ["verify.sh", (file, secret) => ran("bash", [file], secret)],
};

export const LANGUAGES = Object.keys(RUNS);

/** Runs a program that the dashboard shows, as somebody would who copies it. */
export function runProgram(language: string, code: string, secret: string): Ended {
  const run = RUNS[language];
  if (!run) throw new Error(`nothing runs ${language}`);
  const dir = mkdtempSync(join(tmpdir(), "postrider-program-"));
  try {
    const file = join(dir, run[0]);
    writeFileSync(file, code);
    return run[1](file, secret);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
