/** The way that most people's tools and images take, with our own builds as the vendors'. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  type Architecture,
  type ImageArtifact,
  SERVICE_IMAGES,
  THIRD_PARTY_IMAGES,
  type ThirdPartyImageName,
} from "../../contract/index.ts";
import { acquire } from "../../toolchain/acquire.ts";
import { acquireTool } from "../../toolchain/acquire/acquire-tool.ts";
import { createSession, hostArchitecture } from "../../toolchain/acquire/session.ts";
import { resolveImages } from "../../toolchain/artifacts.ts";
import { catalogue } from "../../toolchain/catalogue.ts";
import { hashFile, listFiles } from "../../toolchain/hash.ts";
import { assembleImage } from "../../toolchain/images/assemble.ts";
import { type Base, packInto } from "../../toolchain/images/base.ts";
import type { Layer } from "../../toolchain/images/oci.ts";
import { VENDOR_IMAGES } from "../../toolchain/images/versions.ts";
import { silentProgress } from "../../toolchain/progress.ts";
import { runCommand } from "../../toolchain/run-command.ts";
import type { AcquiredTool, Tool } from "../../toolchain/tool.ts";
import { OpenNetwork } from "../support/open-network/open-network.ts";
import { Folders } from "./acquire/support/fixtures.ts";
import { findTool } from "./acquire/support/vendors.ts";
import { jsonOf, makeContext, readTar, removeTemporary } from "./images/support.ts";

const architecture = hostArchitecture();
/** Packed from an archive that is assembled beside k3s. */
const IMAGES = `images/k3s-airgap-images-${architecture}.tar.zst`;
const folders = new Folders();
const released = catalogue.filter((tool) => tool.release !== undefined);
const environment = { ...process.env };

let network: OpenNetwork;
let crane: AcquiredTool;

beforeAll(async () => {
  crane = await acquire("crane", { progress: silentProgress });
  network = await OpenNetwork.start(crane.path);
}, 300_000);
afterAll(async () => {
  process.env = environment;
  await network.stop();
  await Promise.all([folders.remove(), removeTemporary()]);
});

/** A directory as a build of the tool leaves it, with made-up files. */
async function makeBuild(
  tool: Tool,
): Promise<{ directory: string; extra: Record<string, string> }> {
  const directory = await folders.create();
  const extra: Record<string, string> = {};
  for (const file of tool.release?.files(architecture) ?? []) {
    const names = file.only ?? [tool.executable.slice(file.to === "." ? 0 : file.to.length + 1)];
    const paths = file.format === "file" ? [file.to] : names.map((name) => join(file.to, name));
    for (const path of paths) {
      const isExtra = path === IMAGES;
      const target = isExtra ? join(await folders.create(), "images.tar") : join(directory, path);
      if (isExtra) {
        extra[path] = target;
      }
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, `made-up ${path} of ${tool.name}`, { mode: 0o755 });
    }
  }
  await writeFile(join(directory, "plonk-tool.json"), "{}");
  return { directory, extra };
}

async function acquireFromVendors(tool: Tool): Promise<AcquiredTool> {
  const cacheDir = await folders.create();
  const env = { ...network.env, PATH: "", PULUMI_HOME: join(cacheDir, "pulumi") };
  const options = { env, cacheDir, architecture, progress: silentProgress };
  return await acquireTool(tool.name, createSession(catalogue, options));
}

async function digestsOf(directory: string): Promise<Record<string, string>> {
  const names = (await listFiles(directory)).filter((name) => !name.includes("plonk-"));
  const entries = names.map(async (name) => [name, await hashFile(join(directory, name))] as const);
  return Object.fromEntries(await Promise.all(entries));
}

describe("a release made of our own build", () => {
  test.each(released.map((tool) => [tool.name, tool] as const))(
    "of %s gives the same files again",
    async (_name, tool) => {
      const { directory, extra } = await makeBuild(tool);
      await network.publishTool({ tool, directory, architecture, extra });
      const acquired = await acquireFromVendors(tool);
      expect(acquired).toMatchObject({ source: "mirror", version: tool.release?.version });
      const { [IMAGES]: images, ...files } = await digestsOf(acquired.directory);
      expect(files).toEqual(await digestsOf(directory));
      expect(images !== undefined).toBe(tool.name === "k3s");
    },
  );

  test("has the cluster's images, compressed as the vendor's are", async () => {
    const tool = findTool("k3s");
    const { directory, extra } = await makeBuild(tool);
    await network.publishTool({ tool, directory, architecture, extra });
    const acquired = await acquireFromVendors(tool);
    const content = zstdDecompressSync(await readFile(join(acquired.directory, IMAGES)));
    expect(content.toString()).toBe(`made-up ${IMAGES} of k3s`);
  });

  test("is byte by byte the program that was built, and runs", async () => {
    const tool = findTool("crane");
    await network.publishTool({ tool, directory: crane.directory, architecture });
    const acquired = await acquireFromVendors(tool);
    expect(await digestsOf(acquired.directory)).toEqual(await digestsOf(crane.directory));
    expect(await runCommand(acquired.path, ["version"])).toMatch(/^0\.20\.6/);
  });

  test("is refused where the build lacks a file of the release", async () => {
    const tool = findTool("prometheus");
    const directory = await folders.create();
    await mkdir(join(directory, "bin"));
    await writeFile(join(directory, "bin/prometheus"), "");
    await expect(network.publishTool({ tool, directory, architecture })).rejects.toThrow(
      /^prometheus: expected promtool in /,
    );
  });
});

describe("images on an open network", () => {
  let base: Base;
  let vendors: Record<ThirdPartyImageName, ImageArtifact>;
  let images: Record<string, ImageArtifact>;
  let reports: string[];

  beforeAll(async () => {
    const { context } = await makeContext();
    const pack = async (name: string): Promise<Layer> => {
      const directory = await folders.create();
      const entry = { kind: "file" as const, path: "/etc/name", content: name };
      const layer = await packInto(directory, "layer.tar.zst", [entry]);
      return { ...layer, file: join(directory, layer.file) };
    };
    const makeBase = async (each: Architecture): Promise<Base[Architecture]> => ({
      layers: [await pack(each)],
      run: { Env: ["BASE=1"] },
    });
    base = { amd64: await makeBase("amd64"), arm64: await makeBase("arm64") };
    const assembled = THIRD_PARTY_IMAGES.map(async (name) => {
      const platform = { architecture, layers: [await pack(name)], run: { User: "1" } };
      const request = { name, tag: "1", description: name, platforms: [platform] };
      const image = await assembleImage(context, { ...request, archives: [architecture] });
      return [name, image] as const;
    });
    vendors = Object.fromEntries(await Promise.all(assembled)) as typeof vendors;
    await network.publishBase(base);
    await network.publishImages(vendors);
    await network.publishOwnTools(["crane"]);
    reports = [];
    const cache = await folders.create();
    process.env = { ...environment, ...network.env, PLONK_CACHE: cache };
    const report = (line: string): void => void reports.push(line);
    const task = { report, bytes: () => undefined, end: () => undefined };
    const progress = { start: () => task, note: report };
    images = await resolveImages({ progress });
  }, 300_000);

  test("are those of the vendors' registries, and nothing is assembled in their place", () => {
    expect(reports).toContain(
      "the registries are reachable, so third-party images are the vendors' own",
    );
    expect(Object.keys(images).sort()).toEqual([...SERVICE_IMAGES, ...THIRD_PARTY_IMAGES].sort());
    for (const name of THIRD_PARTY_IMAGES) {
      const vendor = VENDOR_IMAGES[name];
      const digest = vendors[name].reference.split("@")[1] ?? "";
      expect(images[name]?.reference).toBe(`${vendor.name}:${vendor.tag}@${digest}`);
      expect(reports).toContain(`pulling ${vendor.name}:${vendor.tag} for ${architecture}`);
    }
  });

  test.each(THIRD_PARTY_IMAGES)(
    "of %s come with an archive, for nodes without a network",
    async (name) => {
      const archive = images[name]?.archives[architecture] ?? "";
      const digest = images[name]?.reference.split("@")[1] ?? "";
      const entries = await readTar(archive);
      const { manifests } = jsonOf(entries, "index.json") as { manifests: { digest: string }[] };
      expect(new Set(manifests.map((manifest) => manifest.digest))).toEqual(new Set([digest]));
      const own = await readTar(vendors[name].archives[architecture] ?? "");
      const blobs = (tar: typeof own): Map<string, string> =>
        new Map(
          tar
            .filter(({ header }) => header.name.startsWith("blobs/"))
            .map(({ header, content }) => [header.name, content.toString("base64")]),
        );
      expect(blobs(entries)).toEqual(blobs(own));
    },
  );

  test("of our services stand on the vendor's base", async () => {
    const entries = await readTar(images["operator"]?.archives[architecture] ?? "");
    const [layer] = base[architecture].layers;
    const blob = `blobs/${layer?.digest.replace(":", "/") ?? ""}`;
    const found = entries.find(({ header }) => header.name === blob);
    expect(found?.content).toEqual(await readFile(layer?.file ?? ""));
  });

  describe("for nodes that pull", () => {
    let pulled: Record<string, ImageArtifact>;
    beforeAll(async () => {
      pulled = await resolveImages({ progress: silentProgress, preload: false });
    });

    test.each(THIRD_PARTY_IMAGES)("are the reference alone of %s", (name) => {
      expect(pulled[name]).toEqual({ reference: images[name]?.reference, archives: {} });
    });

    test.each(SERVICE_IMAGES)("are whole of our %s, so that a registry takes it", async (name) => {
      const image = pulled[name] ?? { reference: "", archives: {} };
      expect(Object.keys(image.archives).sort()).toEqual(["amd64", "arm64"]);
      expect(image.reference).toBe(images[name]?.reference);
      const digest = await network.registry.pushArtifact(image, `plonk/${name}:1`);
      const pushed = `${network.registry.host}/plonk/${name}:1`;
      expect(await runCommand(crane.path, ["digest", pushed])).toBe(`${digest}\n`);
    });
  });
});
