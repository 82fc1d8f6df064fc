/** `/ui/`: the page on which people look after their functions; `/` leads there. */
import { join } from "node:path";
import { serveAssets } from "./assets.ts";
import type { SystemApp } from "./system.ts";

/**
 * Scripts, styles and requests of this origin only. A download of a function's answer is a blob,
 * which no policy concerns; nothing that a function sends is ever shown as HTML.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Adds the page and the redirects that lead to it. */
export function registerUiRoutes(
  app: SystemApp,
  { assetsDirectory }: { assetsDirectory: string },
): void {
  const schema = { hide: true };
  app.get("/", { schema }, (_request, reply) => reply.redirect("/ui/", 301));
  app.head("/", { schema }, (_request, reply) => reply.redirect("/ui/", 307));
  serveAssets(app, { prefix: "/ui", folder: join(assetsDirectory, "ui"), policy: POLICY });
}
