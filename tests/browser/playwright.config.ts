import { defineConfig } from "@playwright/test";
import { chromium } from "./support/chromium";

/** Drives the real binary, with the dashboard that is built into it, in the system's Chromium. */
export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.ts",
  fullyParallel: false,
  workers: 2,
  // A test that passes now and then says nothing.
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [["list"]],
  outputDir: "./results",
  use: {
    viewport: { width: 1280, height: 860 },
    locale: "en-GB",
    timezoneId: "UTC",
    screenshot: "only-on-failure",
    trace: "off",
    launchOptions: {
      executablePath: chromium(),
      // Inside containers Chromium cannot make its own sandbox as root.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
});
