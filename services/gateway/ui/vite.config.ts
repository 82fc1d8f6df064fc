/**
 * How the page is built: one script, one style sheet, below `/ui/`. `vite` in this folder serves it
 * while it is being worked on, with the API of the gateway that PLONK_GATEWAY names.
 */
import { defineConfig } from "vite";

const gateway = process.env["PLONK_GATEWAY"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/ui/",
  build: {
    target: "es2024",
    // What `light-dark()` needs.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: false,
    // A file that page and script both name would be inlined in some builds only, by which of the
    // two is read first.
    assetsInlineLimit: 0,
    emptyOutDir: true,
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: { proxy: { "^/(system|function|async-function|docs)/": gateway } },
});
