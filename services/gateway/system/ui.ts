/** `/ui/`: the page on which people look after their functions; `/` leads there. */
import { join } from "node:path";
import { serveAssets } from "./assets.ts";
import type { SystemApp } from "./types.ts";

/** Adds the page and the redirects that lead to it. */
export function registerUiRoutes(
  app: SystemApp,
  { assetsDirectory }: { assetsDirectory: string },
): void {
  const schema = { hide: true };
  app.get("/", { schema }, (_request, reply) => reply.redirect("/ui/", 301));
  app.head("/", { schema }, (_request, reply) => reply.redirect("/ui/", 307));
  // A download of a function's answer is a blob, which the page's policy does not concern; nothing
  // that a function sends is ever shown as HTML.
  const folder = join(assetsDirectory, "ui");
  serveAssets(app, { prefix: "/ui", folder, styleSources: ["'self'"] });
}
