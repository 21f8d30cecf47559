import { expect, test } from "@playwright/test";
import { settled } from "../support/checks";
import { Api } from "../support/server";
import { consoleScreens, portalScreens, type World } from "../support/world";
import { usable, watch } from "./usable";

const print = (line: string) => process.stdout.write(`${line}\n`);

/** How often each screen is asked for, after once for the caches. */
const TIMES = Number(process.env.TIMES ?? 10);
/** Milliseconds within which a screen should be usable. */
const MARK = 300;

function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`set ${name}: \`cargo xtask bench dashboard\` does`);
  return value;
}

type Rows = Record<string, string>[];

/** The busiest application of a seeded database, and what its screens show. */
async function seeded(api: Api): Promise<World> {
  const rows = async (path: string) => (await api.get(path)).data as Rows;
  const app = (await api.get("/app/customer-0")).id as string;
  const [endpoint, failing, disabled] = await rows(`/app/${app}/endpoint?limit=3`);
  const [message] = await rows(`/app/${app}/msg?limit=1`);
  return {
    app,
    endpoint: endpoint?.id ?? "",
    failing: failing?.id ?? "",
    disabled: disabled?.id ?? "",
    message: message?.id ?? "",
    portal: await api.portal(app),
  };
}

/** More of the console: screens of one application, which the portal has as well. */
const ofApp = (w: World) => ({
  endpoint: `/console/applications/${w.app}/endpoints/${w.endpoint}`,
  message: `/console/applications/${w.app}/messages/${w.message}`,
  "messages-failed": `/console/applications/${w.app}/messages?status=exhausted`,
});

test("screens", async ({ page }) => {
  const url = given("MEASURE_URL");
  const api = new Api(url, given("MEASURE_KEY"));
  const w = await seeded(api);
  const inbox = await api.post("/inbox", { appId: w.app }).catch(() => undefined);
  const over: string[] = [];

  async function table(of: string, screens: Record<string, string>) {
    const lines = [`${`${of} (ms)`.padEnd(40)}${"median".padStart(10)}${"worst".padStart(10)}`];
    for (const [name, path] of Object.entries(screens)) {
      const times: number[] = [];
      await usable(page, url + path);
      for (let time = 0; time < TIMES; time += 1) times.push(await usable(page, url + path));
      times.sort((one, other) => one - other);
      const median = times[Math.floor(TIMES / 2)] ?? Number.NaN;
      const worst = times[TIMES - 1] ?? Number.NaN;
      const mark = worst > MARK ? `   over ${MARK}` : "";
      if (mark) over.push(`${of} ${name}`);
      lines.push(
        name.padEnd(40) + median.toFixed(0).padStart(10) + worst.toFixed(0).padStart(10) + mark,
      );
    }
    // In one piece: the reporter parts what is printed by empty lines.
    print(lines.join("\n"));
  }

  await page.goto(`${url}/`);
  await page.getByLabel("API key").fill(api.key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Overview" })).toBeVisible();
  await watch(page);
  // The gallery is for builders, and what is not there has nothing to show.
  const { gallery: _, nothing: __, ...screens } = consoleScreens(w, (inbox?.id as string) ?? "");
  await table("console", { ...screens, ...ofApp(w) });

  await page.goto(w.portal.link);
  await settled(page);
  await table("portal", portalScreens(w));
  print(over.length === 0 ? `\nall within ${MARK} ms` : `\nover ${MARK} ms: ${over.join(", ")}`);
});
