import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// While working on it: `npm run dev` beside `make run`.
const server = process.env.POSTRIDER_DEV_SERVER ?? "http://127.0.0.1:8071";
const proxy = { "/api": server, "/inbox": server };

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  base: "/",
  build: {
    outDir: "dist",
    // The page's policy lets nothing be inlined: every asset is a file of ours.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: { proxy },
  preview: { proxy },
  test: { include: ["src/**/*.test.ts", "tests/**/*.test.ts"], environment: "node" },
});
