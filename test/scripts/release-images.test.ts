/** The images of a release, in a real registry, and their lock. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readImageLock } from "../../components/platform/image-lock.ts";
import { releaseImages } from "../../scripts/release-images.ts";
import { acquire } from "../../toolchain/acquire.ts";
import { resolveImages } from "../../toolchain/artifacts.ts";
import { toReference, VENDOR_IMAGES } from "../../toolchain/images/versions.ts";
import { Registry } from "../support/open-network/registry.ts";

const folder = mkdtempSync(join(tmpdir(), "plonk-release-"));
const file = join(folder, "images.lock.json");
let registry: Registry;

beforeAll(async () => {
  registry = await Registry.start((await acquire("crane")).path, join(folder, "registry"));
}, 300_000);

afterAll(async () => {
  await registry.stop();
  rmSync(folder, { recursive: true });
});

/** The architectures of an image, by its name in the registry and its digest. */
async function readArchitectures(reference: string): Promise<string[]> {
  const [, path = "", digest = ""] = /^[^/]+\/(.+):[^:@]+@(.+)$/.exec(reference) ?? [];
  const answer = await fetch(`http://${registry.host}/v2/${path}/manifests/${digest}`);
  const index = (await answer.json()) as { manifests?: { platform: { architecture: string } }[] };
  return (index.manifests ?? []).map(({ platform }) => platform.architecture);
}

describe("release-images", () => {
  it("pushes the images that are made here, and locks what the registry has of them", async () => {
    expect(await releaseImages([`${registry.host}/team/plonk`], file)).toBe(0);
    const lock = readImageLock(file);
    const images = await resolveImages({ preload: false });
    const toPushed = (name: "gateway" | "queue-worker" | "operator" | "runtime"): string =>
      images[name].reference.replace(/^[^/]+/, `${registry.host}/team/plonk`);
    expect(lock).toEqual({
      gateway: toPushed("gateway"),
      queueWorker: toPushed("queue-worker"),
      operator: toPushed("operator"),
      runtime: toPushed("runtime"),
      nats: toReference(VENDOR_IMAGES.nats),
      prometheus: toReference(VENDOR_IMAGES.prometheus),
      alertmanager: toReference(VENDOR_IMAGES.alertmanager),
      nodeExporter: toReference(VENDOR_IMAGES["node-exporter"]),
    });
    for (const reference of [lock.gateway, lock.queueWorker, lock.operator, lock.runtime]) {
      expect(await readArchitectures(reference)).toEqual(["amd64", "arm64"]);
    }
  }, 300_000);

  it("leaves no lock behind when a push fails", async () => {
    writeFileSync(file, "{}");
    await expect(releaseImages(["127.0.0.1:1/plonk"], file)).rejects.toThrow(
      /registry 127\.0\.0\.1:1: expected to take 127\.0\.0\.1:1\/plonk\/gateway:/,
    );
    expect(existsSync(file)).toBe(false);
  }, 300_000);

  it.each([[[]], [["plonk"]], [["https://registry.example.com/plonk"]], [["a.example/b", "c"]]])(
    "refuses %j before it makes anything",
    async (args) => {
      await expect(releaseImages(args, file)).rejects.toThrow(
        "release-images: expected a registry and a path in it, e.g. registry.example.com/plonk",
      );
    },
  );
});
