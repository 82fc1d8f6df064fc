/** The lock file with which a company, or a test, names other images. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { THIRD_PARTY_IMAGES } from "../../../contract/index.ts";
import { catalogue } from "../../../toolchain/catalogue.ts";
import { readPins } from "../../../toolchain/images/pins.ts";
import { NODE_BASE, toReference, VENDOR_IMAGES } from "../../../toolchain/images/versions.ts";
import { makeTemporary, removeTemporary } from "./support.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

afterAll(removeTemporary);

async function readLocked(content: string): Promise<ReturnType<typeof readPins>> {
  const path = join(await makeTemporary(), "lock.json");
  await writeFile(path, content);
  return await readPins({ PLONK_IMAGE_LOCK: path });
}

describe("the pins", () => {
  test.each(THIRD_PARTY_IMAGES)("of %s are by tag and digest", async (name) => {
    const { vendors } = await readPins({});
    expect(toReference(vendors[name])).toMatch(
      /^docker\.io\/[a-z-]+\/[a-z-]+:v?\d[-.\da-z]*@sha256:[0-9a-f]{64}$/,
    );
  });

  test("of NATS name the version of the tool, so that all networks run the same", () => {
    const tool = catalogue.find(({ name }) => name === "nats-server");
    expect(VENDOR_IMAGES.nats.tag).toBe(`${tool?.source?.version ?? ""}-alpine`);
    expect(tool?.release?.version).toBe(tool?.source?.version);
  });

  test("are those that the lock names, and ours for the rest", async () => {
    const nats = `registry.example.com/mirrored/nats:2.15.0@${DIGEST}`;
    const base = `localhost:5000/node:24@${DIGEST}`;
    const pins = await readLocked(JSON.stringify({ nats, "node-base": base }));
    expect(pins).toEqual({
      nodeBase: { name: "localhost:5000/node", tag: "24", digest: DIGEST },
      vendors: {
        ...VENDOR_IMAGES,
        nats: { name: "registry.example.com/mirrored/nats", tag: "2.15.0", digest: DIGEST },
      },
    });
    expect(await readPins({ PLONK_IMAGE_LOCK: "" })).toEqual({
      nodeBase: NODE_BASE,
      vendors: VENDOR_IMAGES,
    });
  });

  test.each([
    [`docker.io/library/nats:2.15.0`],
    [`docker.io/library/nats@${DIGEST}`],
    [`docker.io/library/nats:2@sha256:abc`],
    [`nats:2@${DIGEST}`],
    [`library/nats:2@${DIGEST}`],
    [`https://docker.io/library/nats:2@${DIGEST}`],
    [42],
    [null],
  ])("cannot be done without a registry, a tag and a digest: %j", async (nats) => {
    await expect(readLocked(JSON.stringify({ nats }))).rejects.toMatchObject({
      code: "argument",
      message: `PLONK_IMAGE_LOCK: nats: expected registry/name:tag@sha256:<64 hexadecimal digits>, got ${JSON.stringify(nats)}`,
    });
  });

  test("cannot be of images that are not used", async () => {
    await expect(readLocked('{"redis": ""}')).rejects.toThrow(
      /^PLONK_IMAGE_LOCK: expected names of node-base, nats, prometheus, .*, got "redis"$/,
    );
  });

  test.each(["[]", "null", '"text"'])("cannot be %s", async (content) => {
    await expect(readLocked(content)).rejects.toThrow(
      /^PLONK_IMAGE_LOCK: expected an object of references by name in .*, got something else$/,
    );
  });

  test("must be a JSON file", async () => {
    await expect(readLocked("no")).rejects.toThrow(
      /^PLONK_IMAGE_LOCK: expected the path of a JSON/,
    );
    await expect(readPins({ PLONK_IMAGE_LOCK: "/nowhere" })).rejects.toThrow(
      /^PLONK_IMAGE_LOCK: expected the path of a JSON file, got "\/nowhere" \(ENOENT/,
    );
  });
});
