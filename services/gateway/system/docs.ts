/** `/openapi.json` and, at `/docs/`, a page to read it and to try it out. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { failures, HttpError } from "../errors.ts";
import { serveAssets } from "./assets.ts";
import { operation } from "./operation.ts";
import type { SystemApp } from "./types.ts";

/**
 * Adds the document and its page. Both are files made beforehand: putting the document together
 * takes modules that the gateway does not need otherwise.
 */
export function registerDocsRoutes(
  app: SystemApp,
  { assetsDirectory }: { assetsDirectory: string },
): void {
  const folder = join(assetsDirectory, "docs");
  const schema = {
    ...operation("GetOpenApi", "system", "Get this document"),
    response: { 200: { content: { "application/json": { schema: { type: "object" } } } } },
  };
  app.get("/openapi.json", { schema }, async (_request, reply) => {
    const document = await readFile(join(folder, "openapi.json")).catch(() => undefined);
    if (document === undefined) {
      throw new HttpError(failures.assetsMissing(folder));
    }
    return reply.type("application/json; charset=utf-8").send(document);
  });
  // Swagger UI sets style attributes.
  serveAssets(app, { prefix: "/docs", folder, styleSources: ["'self'", "'unsafe-inline'"] });
}
