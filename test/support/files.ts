/** What is in files that others write, and remove, at the same time. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Content of all files below folders, by path; without those that are gone by then. */
export function readFilesBelow(folders: readonly string[]): Map<string, Buffer> {
  return new Map(folders.flatMap(readBelow));
}

function readBelow(folder: string): [string, Buffer][] {
  const entries = ifThere(() => readdirSync(folder, { withFileTypes: true })) ?? [];
  return entries.flatMap((entry): [string, Buffer][] => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      return readBelow(path);
    }
    const content = entry.isFile() ? ifThere(() => readFileSync(path)) : undefined;
    return content === undefined ? [] : [[path, content]];
  });
}

/** Undefined for what is not there any more. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}
