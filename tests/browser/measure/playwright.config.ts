import { defineConfig } from "@playwright/test";
import shared from "../playwright.config";

/** `npm run measure`: how long each screen takes on a server that is there already. */
export default defineConfig({
  ...shared,
  testDir: ".",
  testMatch: "screens.ts",
  workers: 1,
  timeout: 600_000,
  reporter: [["line"]],
  outputDir: "../results",
});
