/** The committed copy of the API's document: where it lies, and how it is written. */
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import type { Document } from "./types.ts";

/** Path of the copy. */
export const COPY = fileURLToPath(new URL("../../../docs/openapi.json", import.meta.url));

/** The document's text in the tree's own format. */
export async function render(document: Document): Promise<string> {
  const style = await resolveConfig(COPY);
  return format(JSON.stringify(document), { ...style, filepath: COPY });
}
