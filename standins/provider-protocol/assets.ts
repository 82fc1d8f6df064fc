/** Assets and archives of a program, decoded from the protocol. */
import {
  isArchive,
  isAsset,
  isPropertyMap,
  type PropertyMap,
  readField,
  unwrap,
  type Value,
} from "./values.ts";

export type Asset =
  | { kind: "text"; text: string }
  /** A file or a folder on this machine, relative to the program's folder. */
  | { kind: "path"; path: string }
  /** A folder or a packed archive in an archive that the program has assembled. */
  | { kind: "archive"; path: string }
  /** An archive that the program has assembled: names -> content. */
  | { kind: "entries"; entries: Record<string, Asset> };

/**
 * Reads an asset or an archive.
 * @throws Error for remote content, which is not supported
 */
export function readAsset(properties: PropertyMap): Asset {
  const path = readText(properties, "path");
  if (path !== undefined) {
    return { kind: "path", path };
  }
  const uri = readText(properties, "uri");
  if (uri !== undefined) {
    throw new Error(`source: expected a file, a folder or a text of the program's, got ${uri}`);
  }
  const assets = unwrap(readField(properties, "assets"));
  // An empty text has no field in the protocol.
  if (!isPropertyMap(assets)) {
    return { kind: "text", text: readText(properties, "text") ?? "" };
  }
  const entries = Object.entries(assets).flatMap(([name, value]): [string, Asset][] => {
    const asset = unwrap(value) as Value;
    if (!isAsset(asset)) {
      return [];
    }
    const read = readAsset(asset);
    const isFolder = read.kind === "path" && isArchive(asset);
    return [[name, isFolder ? { kind: "archive", path: read.path } : read]];
  });
  return { kind: "entries", entries: Object.fromEntries(entries) };
}

function readText(properties: PropertyMap, key: string): string | undefined {
  const value = unwrap(readField(properties, key));
  return typeof value === "string" && value !== "" ? value : undefined;
}
