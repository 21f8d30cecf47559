import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** The system's Chromium; `.ci/chromium` installs it where apt can. */
export function chromium(): string {
  const given = process.env.CHROMIUM;
  if (given) return given;
  for (const dir of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of NAMES) {
      const path = join(dir, name);
      if (existsSync(path)) return path;
    }
  }
  throw new Error(`no Chromium in PATH: install one (apt install chromium), or set CHROMIUM`);
}
