/** A user's image, as is usual with OpenFaaS: a program behind an HTTP server. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostArchitecture } from "../../../toolchain/acquire/session.ts";
import { createImage } from "../../../toolchain/images/assemble.ts";
import type { Base } from "../../../toolchain/images/base.ts";
import { packLayer } from "../../../toolchain/images/layer.ts";
import type { Registry } from "./registry.ts";

/** Writes what it gets in large letters; `/reach?<address>` tells whether an address answers. */
const SERVER = `
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

async function reach(address) {
  const signal = AbortSignal.timeout(20_000);
  return await fetch("http://" + address, { signal }).then(() => "yes", () => "no");
}

createServer(async (request, response) => {
  const [path, query] = request.url.split("?");
  response.end(path === "/reach" ? await reach(query) : (await text(request)).toUpperCase());
}).listen(8080);
`;

/** Builds the image upon a base that has Node, and pushes it under a name. */
export async function publishFiglet(registry: Registry, base: Base, name: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "plonk-figlet-"));
  try {
    const file = join(folder, "layer");
    const entry = { kind: "file" as const, path: "/figlet/server.mjs", content: SERVER };
    const layer = { ...(await packLayer([entry], file)), file };
    const architecture = hostArchitecture();
    const layers = [...base[architecture].layers, layer];
    const run = { Entrypoint: ["/nodejs/bin/node", entry.path] };
    const about = { name: "figlet", tag: "0.1.0", description: "Large letters" };
    const image = createImage({ ...about, platforms: [{ architecture, layers, run }] });
    await registry.pushImage(image, name);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
