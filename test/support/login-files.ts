/** Files of a Secret with which a service logs in. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LOGIN_FILE } from "../../contract/environment/index.ts";

export type LoginTexts = Partial<Record<keyof typeof LOGIN_FILE, string>>;

/** Writes them as Kubernetes mounts them, and returns their folder; others that are there stay. */
export function writeLoginFiles(folder: string, texts: LoginTexts): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(texts)) {
    writeFileSync(join(folder, LOGIN_FILE[name as keyof LoginTexts]), text);
  }
  return folder;
}
