/** What the tests of images share: throw-away directories, fixture services, tar reading. */
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { createImageContext, type ImageContext } from "../../../toolchain/images/context.ts";
import { until } from "../../support/until.ts";

const directories: string[] = [];

/** A directory below the system's temporary one, which `removeTemporary` removes. */
export async function makeTemporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "plonk-images-"));
  directories.push(directory);
  return directory;
}

export async function removeTemporary(): Promise<void> {
  await Promise.all(
    directories.splice(0).map((each) => rm(each, { recursive: true, force: true })),
  );
}

/** A context with an empty cache, and what was reported. */
export async function makeContext(): Promise<{ context: ImageContext; reports: string[] }> {
  const reports: string[] = [];
  const cache = await makeTemporary();
  return { context: createImageContext({ cache, report: (line) => reports.push(line) }), reports };
}

/** The body of an answer, once a server that is starting gives one. */
export async function getWhenUp(url: string): Promise<string> {
  let text = "";
  await until(`an answer of ${url}`, async () => {
    const answer = await fetch(url)
      .then((response) => response.text())
      .catch(() => undefined);
    text = answer ?? "";
    return answer !== undefined;
  });
  return text;
}

/** Writes files below a directory, by relative path. */
export async function writeFiles(
  root: string,
  files: Record<string, string | Uint8Array>,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

export interface TarEntry {
  header: Header;
  content: Buffer;
}

/** All entries of a tar, in order; `.zst` files are decompressed. */
export async function readTar(file: string): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const reader = extract();
  reader.on("entry", (header, stream, next) => {
    buffer(stream).then((content) => {
      entries.push({ header, content });
      next();
    }, next);
  });
  const source = createReadStream(file);
  await (file.endsWith(".zst")
    ? pipeline(source, createZstdDecompress(), reader)
    : pipeline(source, reader));
  return entries;
}

/** The JSON of one file in a tar. */
export function jsonOf(entries: readonly TarEntry[], name: string): unknown {
  const found = entries.find(({ header }) => header.name === name);
  if (found === undefined) {
    throw new Error(`${name}: expected in the tar, got nothing`);
  }
  return JSON.parse(found.content.toString());
}

/** A service that answers with its architecture, and has an input in a second file. */
const FIXTURE_SERVICE = {
  "main.ts": `import { createServer } from "node:http";
import { greet } from "./greet.ts";
const port: number = Number(process.env["port"] ?? 0);
createServer((_request, response) => response.end(greet())).listen(port, "127.0.0.1", () => {
  console.log("listening");
});
process.on("SIGTERM", () => process.exit(0));
`,
  "greet.ts": `export function greet(): string {
  return \`\${process.arch} \${process.version} \${process.getuid?.()}:\${process.getgid?.()}\`;
}
`,
};

/** A package with the fixture as each of its four services. */
export async function makeServices(): Promise<string> {
  const root = await makeTemporary();
  for (const service of ["gateway", "queue-worker", "operator", "watchdog"]) {
    await writeFiles(join(root, "services", service), FIXTURE_SERVICE);
  }
  return root;
}
