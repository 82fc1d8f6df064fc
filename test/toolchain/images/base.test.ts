/** A base that crane pulls, from a real registry on loopback, and images upon it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { acquire } from "../../../toolchain/acquire.ts";
import { hashFile } from "../../../toolchain/hash.ts";
import { pullNodeBase } from "../../../toolchain/images/base.ts";
import type { ImageContext } from "../../../toolchain/images/context.ts";
import { packLayer } from "../../../toolchain/images/layer.ts";
import { createIndex, createPlatformImage, type Layer } from "../../../toolchain/images/oci.ts";
import { buildServiceImage } from "../../../toolchain/images/service-image.ts";
import type { PinnedImage } from "../../../toolchain/images/versions.ts";
import { silentProgress } from "../../../toolchain/progress.ts";
import { runCommand } from "../../../toolchain/run-command.ts";
import { findFreePort } from "../../support/network.ts";
import {
  getWhenUp,
  makeContext,
  makeServices,
  makeTemporary,
  removeTemporary,
  writeFiles,
} from "./support.ts";

let crane = "";
let registry = "";
let server: ChildProcess;
let context: ImageContext;
let image: PinnedImage;
let layers: Record<"amd64" | "arm64", Layer>;

/** A layout directory that `crane push` takes. */
async function writeLayout(): Promise<{ directory: string; digest: string }> {
  const directory = await makeTemporary();
  const make = async (architecture: "amd64" | "arm64"): Promise<Layer> => {
    const file = join(directory, architecture);
    return await packLayer([{ kind: "file", path: "/etc/arch", content: architecture }], file);
  };
  layers = { amd64: await make("amd64"), arm64: await make("arm64") };
  const run = { Env: ["PATH=/bin", "SSL_CERT_FILE=/certs"], Entrypoint: ["/old"], User: "0" };
  const platforms = (["amd64", "arm64"] as const).map((each) =>
    createPlatformImage(each, [layers[each]], run),
  );
  const index = createIndex(platforms);
  const blobs: [string, Buffer][] = platforms.flatMap(({ manifest, config }) => [
    [manifest.descriptor.digest, manifest.bytes],
    [config.descriptor.digest, config.bytes],
  ]);
  for (const { digest, file } of Object.values(layers)) {
    blobs.push([digest, await readFile(file)]);
  }
  await writeFiles(directory, {
    "oci-layout": '{"imageLayoutVersion":"1.0.0"}',
    "index.json": index.bytes.toString(),
    "blobs/sha256/.keep": "",
  });
  for (const [digest, bytes] of blobs) {
    await writeFile(join(directory, "blobs", digest.replace(":", "/")), bytes);
  }
  return { directory, digest: index.descriptor.digest };
}

beforeAll(async () => {
  crane = (await acquire("crane", { progress: silentProgress })).path;
  registry = `127.0.0.1:${await findFreePort()}`;
  server = spawn(crane, ["registry", "serve", "--address", registry], { stdio: "ignore" });
  await getWhenUp(`http://${registry}/v2/`);
  const { directory, digest } = await writeLayout();
  const name = `${registry}/distroless/node`;
  await runCommand(crane, ["push", "--index", directory, `${name}:nonroot`]);
  image = { name, tag: "nonroot", digest };
  ({ context } = await makeContext());
}, 300_000);

afterAll(async () => {
  const gone = once(server, "exit");
  server.kill("SIGKILL");
  await gone;
  await removeTemporary();
});

const pull = () => pullNodeBase(context, image, () => Promise.resolve(crane));

describe("pullNodeBase", () => {
  test("takes layers and environment of each architecture, not how the base itself runs", async () => {
    const base = await pull();
    for (const architecture of ["amd64", "arm64"] as const) {
      const [layer] = base[architecture].layers;
      expect(base[architecture]).toEqual({
        layers: [{ ...layers[architecture], file: layer?.file }],
        run: { Env: ["PATH=/bin", "SSL_CERT_FILE=/certs"] },
      });
      expect(await readFile(layer?.file ?? "")).toEqual(await readFile(layers[architecture].file));
    }
  });

  test("does not pull again what is there", async () => {
    const before = await pull();
    const refuse = () => Promise.reject(new Error("crane: not needed"));
    expect(await pullNodeBase(context, image, refuse)).toEqual(before);
  });

  test("fails with the registry's words for a digest that it does not have", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    const pulling = pullNodeBase(context, { ...image, digest }, () => Promise.resolve(crane));
    await expect(pulling).rejects.toThrow("MANIFEST_UNKNOWN");
  });

  test("gives images that a registry takes and gives back", async () => {
    const artifact = await buildServiceImage(context, {
      name: "operator",
      base: await pull(),
      architectures: ["amd64"],
      packageRoot: await makeServices(),
    });
    const layout = await makeTemporary();
    await runCommand("tar", ["-xf", artifact.archives.amd64 ?? "", "-C", layout]);
    const digest = artifact.reference.split("@")[1] ?? "";
    // The archive's own index names the image twice; pushed is the image itself.
    const index = await readFile(join(layout, "blobs", digest.replace(":", "/")), "utf8");
    const { manifests } = JSON.parse(index) as {
      manifests: { platform: { architecture: string } }[];
    };
    const own = manifests.filter(({ platform }) => platform.architecture === "amd64");
    await writeFile(
      join(layout, "index.json"),
      JSON.stringify({ schemaVersion: 2, manifests: own }),
    );
    const target = `${registry}/plonk/operator:1`;
    await runCommand(crane, ["push", layout, target]);
    const pulled = await makeTemporary();
    await runCommand(crane, ["pull", "--format", "oci", target, pulled]);
    const names = await readdir(join(pulled, "blobs/sha256"));
    // Two layers, the manifest and the config.
    expect(names).toHaveLength(4);
    for (const name of names) {
      expect(await hashFile(join(pulled, "blobs/sha256", name))).toBe(name);
    }
    const config = JSON.parse(await runCommand(crane, ["config", target])) as object;
    expect(config).toMatchObject({
      config: {
        User: "65532:65532",
        Env: ["SSL_CERT_FILE=/certs", expect.stringMatching(/^PATH=\/nodejs\/bin:/)],
      },
    });
  });
});
