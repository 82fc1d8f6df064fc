/** A vendor's image of many platforms, from a registry's mirror into a real containerd. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { acquire } from "../../../toolchain/acquire.ts";
import { hostArchitecture } from "../../../toolchain/acquire/session.ts";
import type { ImageContext } from "../../../toolchain/images/context.ts";
import { packLayer } from "../../../toolchain/images/layer.ts";
import {
  createIndex,
  createPlatformImage,
  type Document,
  type PlatformImage,
} from "../../../toolchain/images/oci.ts";
import { fetchManifest } from "../../../toolchain/images/pull.ts";
import { pullVendorImage } from "../../../toolchain/images/vendor-image.ts";
import type { PinnedImage } from "../../../toolchain/images/versions.ts";
import { silentProgress } from "../../../toolchain/progress.ts";
import { Registry } from "../../support/open-network/registry.ts";
import { until } from "../../support/until.ts";
import { startContainerd } from "./containerd.ts";
import { jsonOf, makeContext, makeTemporary, readTar, removeTemporary } from "./support.ts";

const NAME = "docker.io/vendor/tool";
const architecture = hostArchitecture();
/** Vendors build for more than we do. */
const PLATFORMS = ["amd64", "arm64", "s390x"] as const;

let crane: string;
let registry: Registry;
let context: ImageContext;
let reports: string[];
let image: PinnedImage;
let index: Document;
let platforms: readonly PlatformImage[];

async function makePlatform(name: (typeof PLATFORMS)[number]): Promise<PlatformImage> {
  const file = join(await makeTemporary(), name);
  const layer = await packLayer([{ kind: "file", path: "/etc/arch", content: name }], file);
  const layers = [{ ...layer, file }];
  // Our types know the architectures that we build for.
  return createPlatformImage(name as "amd64", layers, { Entrypoint: ["/tool"] });
}

beforeAll(async () => {
  crane = (await acquire("crane", { progress: silentProgress })).path;
  registry = await Registry.start(crane, await makeTemporary());
  platforms = await Promise.all(PLATFORMS.map(makePlatform));
  index = createIndex(platforms);
  const digest = await registry.pushImage({ index, platforms }, `${NAME}:1.2`);
  image = { name: NAME, tag: "1.2", digest };
  ({ context, reports } = await makeContext());
  context = {
    ...context,
    registryMirror: {
      prefix: registry.host,
      isPlain: true,
      apiRoot: `http://${registry.host}/v2/`,
    },
  };
}, 300_000);

afterAll(async () => {
  await registry.stop();
  await removeTemporary();
});

const getCrane = (): Promise<string> => Promise.resolve(crane);
const pull = (pinned = image) =>
  pullVendorImage(context, {
    name: "tool",
    image: pinned,
    architectures: [architecture],
    getCrane,
  });

describe("a vendor's image", () => {
  test("keeps its name and digest, and comes with one architecture's content", async () => {
    const artifact = await pull();
    expect(artifact.reference).toBe(`${NAME}:1.2@${index.descriptor.digest}`);
    expect(Object.keys(artifact.archives)).toEqual([architecture]);
    const entries = await readTar(artifact.archives[architecture] ?? "");
    const own = platforms.find((platform) => platform.architecture === architecture);
    const blobs = [index, own?.manifest, own?.config].map((each) => each?.descriptor.digest);
    const expected = [...blobs, own?.layers[0]?.digest].map((each) => each?.slice(7));
    const names = entries.map(({ header }) => /^blobs\/sha256\/(.*)$/.exec(header.name)?.[1]);
    expect(names.filter((name) => name !== undefined).sort()).toEqual(expected.sort());
    expect(jsonOf(entries, `blobs/sha256/${index.descriptor.digest.slice(7)}`)).toEqual(
      JSON.parse(index.bytes.toString()),
    );
    expect(reports).toEqual([`pulling ${NAME}:1.2 for ${architecture}`]);
  });

  test("is pulled once", async () => {
    const before = await pull();
    const refuse = (): Promise<string> => Promise.reject(new Error("crane: not needed"));
    const request = { name: "tool", image, architectures: [architecture], getCrane: refuse };
    expect(await pullVendorImage(context, request)).toEqual(before);
  });

  test("is a reference alone where no archive is asked for", async () => {
    const request = { name: "tool", image, architectures: [], getCrane };
    expect(await pullVendorImage(context, request)).toEqual({
      reference: `${NAME}:1.2@${index.descriptor.digest}`,
      archives: {},
    });
  });

  test("that the registry does not have is named, with a way out", async () => {
    const digest = `sha256:${"0".repeat(64)}`;
    await expect(pull({ ...image, digest })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(
        new RegExp(
          `^${NAME}:1\\.2@${digest}: could not be pulled from 127\\.0\\.0\\.1:\\d+ \\(PLONK_OFFLINE=1 assembles .*MANIFEST_UNKNOWN`,
          "s",
        ),
      ),
    });
  });

  test("without the architecture is refused", async () => {
    const [manifest] = platforms;
    const other = platforms.filter((platform) => platform.architecture !== architecture);
    const digest = await registry.pushImage(
      { index: createIndex(other), platforms: other },
      `${NAME}:other`,
    );
    await expect(pull({ ...image, digest })).rejects.toMatchObject({
      code: "platform",
      message: expect.stringMatching(
        new RegExp(`expected an image for linux/${architecture}, got \\w+, s390x$`),
      ),
    });
    await expect(
      pull({ ...image, digest: manifest?.manifest.descriptor.digest ?? "" }),
    ).rejects.toMatchObject({ message: expect.stringMatching(/got no index$/) });
  });

  test("that is not what its digest says is refused", async () => {
    const lying = { ...context, run: () => Promise.resolve("{}") };
    await expect(fetchManifest(lying, image, getCrane)).rejects.toMatchObject({
      code: "checksum",
      message: expect.stringContaining(
        `${NAME}:1.2@${image.digest}: expected content with that digest, got `,
      ),
    });
  });

  test("is taken in by containerd under its name, with the index's digest", async () => {
    const { archives } = await pull();
    const containerd = await startContainerd(await makeTemporary(), "plonk.local/none:1");
    try {
      await containerd.ctr("images", "import", archives[architecture] ?? "");
      const list = await containerd.ctr("images", "ls", `name==${NAME}:1.2`);
      expect(list.split("\n")[1]).toMatch(new RegExp(`^${NAME}:1\\.2 .* ${image.digest} `));
      const own = platforms.find((platform) => platform.architecture === architecture);
      const imageId = (): Promise<string | undefined> => containerd.imageId(`${NAME}:1.2`);
      await until("the image in the CRI", async () => (await imageId()) !== undefined);
      expect(await imageId()).toBe(own?.config.descriptor.digest);
    } finally {
      await containerd.stop();
    }
  });
});
