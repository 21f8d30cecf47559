import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

type Json = Record<string, unknown>;

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** The program under test. */
export function binary(): string {
  const path =
    process.env.POSTRIDER_BIN ??
    resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "debug/postrider");
  if (!existsSync(path))
    throw new Error(`${path} is missing: run \`make debug\`, or set POSTRIDER_BIN`);
  return path;
}

/** The real program with a database of its own, as \`make run\` starts it. */
export class Server {
  private constructor(
    private readonly child: ChildProcess,
    private readonly dir: string,
    /** Where it answers, without a slash at the end. */
    readonly url: string,
    /** The API key of its organisation. */
    readonly key: string,
    /** What it printed at its first start. */
    readonly banner: string,
  ) {}

  static async start(env: Record<string, string> = {}): Promise<Server> {
    const dir = mkdtempSync(join(tmpdir(), "postrider-browser-"));
    const child = spawn(binary(), ["serve", "--dev", "--listen", "127.0.0.1:0"], {
      cwd: dir,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no start within 30 s:\n${text}`)), 30_000);
      const read = (chunk: Buffer) => {
        text += chunk.toString();
        if (/listening on/.test(text) && /prk_\w+/.test(text) && /#code=\S+\s/.test(text)) {
          clearTimeout(late);
          resolve();
        }
      };
      child.stdout?.on("data", read);
      child.stderr?.on("data", read);
      child.once("exit", (code) => reject(new Error(`it ended with ${code}:\n${text}`)));
    });
    const url = /listening on (http:\/\/\S+)/.exec(text)?.[1] ?? "";
    const key = /prk_\w+/.exec(text)?.[0] ?? "";
    return new Server(child, dir, url, key, text);
  }

  /** The one-time link that the first start prints. */
  link(): string {
    const code = /#code=\S+/.exec(this.banner)?.[0];
    if (!code) throw new Error(`no sign-in link in:\n${this.banner}`);
    return `${this.url}/${code}`;
  }

  api(key = this.key): Api {
    return new Api(this.url, key);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    const kill = setTimeout(() => this.child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(kill);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** The public API, for what a test needs before the browser opens. */
export class Api {
  constructor(
    readonly url: string,
    readonly key: string,
  ) {}

  async ask(method: string, path: string, body?: Json): Promise<Response> {
    return fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.key}`, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
  }

  private async json(method: string, path: string, body?: Json): Promise<Json> {
    const response = await this.ask(method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? {} : (JSON.parse(text) as Json);
  }

  get = (path: string) => this.json("GET", path);
  post = (path: string, body: Json = {}) => this.json("POST", path, body);
  patch = (path: string, body: Json) => this.json("PATCH", path, body);

  async app(name: string): Promise<string> {
    return (await this.post("/app", { name })).id as string;
  }

  async endpoint(app: string, body: Json): Promise<string> {
    return (await this.post(`/app/${app}/endpoint`, body)).id as string;
  }

  async publish(app: string, eventType: string, payload: Json): Promise<string> {
    return (await this.post(`/app/${app}/msg`, { eventType, payload })).id as string;
  }

  async eventType(name: string, more: Json = {}): Promise<void> {
    await this.post("/event-type", {
      name,
      description: `Tells of ${name}`,
      schemas: { "1": { type: "object", examples: [{ id: "in_1", amount: 4200 }] } },
      ...more,
    });
  }

  /** A portal link, and the token that is made with it. */
  async portal(app: string, body: Json = {}): Promise<{ link: string; token: string }> {
    const made = await this.post(`/auth/app-portal-access/${app}`, body);
    const { pathname, search, hash } = new URL(made.url as string, this.url);
    return { link: this.url + pathname + search + hash, token: made.token as string };
  }
}
