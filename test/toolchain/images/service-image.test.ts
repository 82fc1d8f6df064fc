/** The images of the services: the same digest wherever and however they are built, and small. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Architecture, type ImageArtifact, SERVICE_IMAGES } from "../../../contract/index.ts";
import { assembleNodeBase, type Base, getRootfsLayer } from "../../../toolchain/images/base.ts";
import { createImageContext } from "../../../toolchain/images/context.ts";
import { type Descriptor, digestOf } from "../../../toolchain/images/oci.ts";
import { buildServiceImage } from "../../../toolchain/images/service-image.ts";
import { runCommand } from "../../../toolchain/run-command.ts";
import {
  jsonOf,
  makeContext,
  makeServices,
  makeTemporary,
  readTar,
  removeTemporary,
  type TarEntry,
} from "./support.ts";

const ARCHITECTURES: Architecture[] = ["amd64", "arm64"];
const MEGABYTE = 1024 * 1024;

let base: Base;
let image: ImageArtifact;
const archives = new Map<Architecture, TarEntry[]>();

beforeAll(async () => {
  base = await assembleNodeBase(createImageContext());
  const { context } = await makeContext();
  const packageRoot = await makeServices();
  const request = { name: "gateway", base, architectures: ARCHITECTURES, packageRoot } as const;
  image = await buildServiceImage(context, request);
  for (const architecture of ARCHITECTURES) {
    archives.set(architecture, await readTar(image.archives[architecture] ?? ""));
  }
}, 600_000);

afterAll(removeTemporary);

interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

const blob = (digest: string): string => `blobs/${digest.replace(":", "/")}`;

function entriesOf(architecture: Architecture): TarEntry[] {
  return archives.get(architecture) ?? [];
}

function indexOf(architecture: Architecture): Descriptor[] {
  const digest = image.reference.split("@")[1] ?? "";
  const index = jsonOf(entriesOf(architecture), blob(digest)) as { manifests: Descriptor[] };
  return index.manifests;
}

function manifestOf(architecture: Architecture): Manifest {
  const own = indexOf(architecture).find((each) => each.platform?.architecture === architecture);
  return jsonOf(entriesOf(architecture), blob(own?.digest ?? "")) as Manifest;
}

describe("an archive", () => {
  test.each(ARCHITECTURES)("for %s names the index by its tag alone", (architecture) => {
    const digest = image.reference.split("@")[1];
    expect(image.reference).toBe(`plonk.local/gateway:0.1.0@${digest}`);
    const layout = jsonOf(entriesOf(architecture), "index.json") as { manifests: Descriptor[] };
    expect(layout.manifests.map(({ digest: each, annotations }) => [each, annotations])).toEqual([
      [
        digest,
        {
          "io.containerd.image.name": "plonk.local/gateway:0.1.0",
          "org.opencontainers.image.ref.name": "0.1.0",
        },
      ],
    ]);
  });

  test.each(ARCHITECTURES)(
    "for %s has its own layers and everybody's documents",
    (architecture) => {
      const others = ARCHITECTURES.filter((each) => each !== architecture);
      const documents = indexOf(architecture).map(({ digest }) => digest);
      const manifests = documents.map(
        (digest) => jsonOf(entriesOf(architecture), blob(digest)) as Manifest,
      );
      const expected = [
        image.reference.split("@")[1] ?? "",
        ...documents,
        ...manifests.map(({ config }) => config.digest),
        ...manifestOf(architecture).layers.map(({ digest }) => digest),
      ].map(blob);
      const names = entriesOf(architecture).map(({ header }) => header.name);
      expect(names.toSorted()).toEqual(["index.json", "oci-layout", ...expected].toSorted());
      expect(others).toHaveLength(1);
    },
  );

  test.each(ARCHITECTURES)("for %s has blobs that are what their names say", (architecture) => {
    const blobs = entriesOf(architecture).filter(({ header }) => header.name.startsWith("blobs/"));
    for (const { header, content } of blobs) {
      expect(blob(digestOf(content))).toBe(header.name);
    }
  });

  test.each(ARCHITECTURES)("for %s has at most 60 MB of layers", (architecture) => {
    const sizes = manifestOf(architecture).layers.map(({ size }) => size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(60 * MEGABYTE);
  });
});

describe("an image", () => {
  test("has one bundle layer, the same for both architectures", () => {
    const amd64 = manifestOf("amd64").layers;
    const arm64 = manifestOf("arm64").layers;
    expect(amd64).toHaveLength(3);
    expect(arm64[2]).toEqual(amd64[2]);
    expect(arm64[1]).not.toEqual(amd64[1]);
  });

  test("runs Node on the bundle as a user that is not root", () => {
    const config = jsonOf(entriesOf("arm64"), blob(manifestOf("arm64").config.digest));
    expect(config).toMatchObject({
      architecture: "arm64",
      os: "linux",
      config: {
        Entrypoint: ["/nodejs/bin/node", "/app/main.mjs"],
        User: "65532:65532",
        WorkingDir: "/home/nonroot",
        Labels: {
          "org.opencontainers.image.title": "gateway",
          "org.opencontainers.image.version": "0.1.0",
          "org.opencontainers.image.revision": "unknown",
        },
      },
    });
  });

  test.each(ARCHITECTURES)(
    "for %s has Node, certificates and users, and no shell",
    async (each) => {
      const layers = await Promise.all(base[each].layers.map(({ file }) => readTar(file)));
      const entries = layers.flat().map(({ header }) => header.name);
      expect(entries).toEqual(expect.arrayContaining(["nodejs/bin/node", "tmp/", "etc/localtime"]));
      const programs = layers
        .flat()
        .filter(({ header }) => header.type === "file" && (header.mode & 0o111) !== 0)
        .map(({ header }) => header.name)
        .filter((name) => !/\.so\.\d+$/.test(name));
      expect(programs).toEqual(["nodejs/bin/node"]);
      const passwd = layers.flat().find(({ header }) => header.name === "etc/passwd");
      expect(passwd?.content.toString()).toContain("nonroot:x:65532:65532:");
      const certificates = layers
        .flat()
        .find(({ header }) => header.name.endsWith("certificates.crt"));
      expect(certificates?.content.toString().match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(
        100,
      );
    },
  );
});

/** Builds all four in a process of its own and returns their references. */
async function buildElsewhere(prefix: string, env: Record<string, string>): Promise<string> {
  const images = fileURLToPath(new URL("../../../toolchain/images/", import.meta.url));
  const cache = await makeTemporary();
  const script = `
    import { createImageContext } from "${images}context.ts";
    import { buildServiceImage } from "${images}service-image.ts";
    const context = createImageContext({ cache: ${JSON.stringify(cache)} });
    const request = { base: ${JSON.stringify(base)}, architectures: ["amd64"] };
    const packageRoot = ${JSON.stringify(await makeServices())};
    const names = ${JSON.stringify(SERVICE_IMAGES)};
    const all = names.map((name) => buildServiceImage(context, { ...request, name, packageRoot }));
    console.log((await Promise.all(all)).map(({ reference }) => reference).join("\\n"));`;
  const node = [process.execPath, "--input-type=module", "--eval", script];
  const shell = [`${prefix}; exec "$@"`, "sh", ...node];
  return await runCommand("sh", ["-c", ...shell], { cwd: cache, env: { ...process.env, ...env } });
}

describe("digests", () => {
  test("are the same in another folder, cache, time zone, language and umask", async () => {
    const first = await buildElsewhere("umask 022", { TZ: "UTC", LC_ALL: "C" });
    const second = await buildElsewhere("umask 077", { TZ: "Pacific/Auckland", LC_ALL: "C.UTF-8" });
    expect(first.trim().split("\n")).toHaveLength(4);
    expect(second).toBe(first);
    expect(first).toContain(image.reference);
  });

  test.each(ARCHITECTURES)(
    "are the same for a C library of %s that is extracted again",
    async (architecture) => {
      const { context } = await makeContext();
      await mkdir(context.cache, { recursive: true });
      const debian = join(createImageContext().cache, "debian");
      await runCommand("cp", ["--archive", debian, join(context.cache, "debian")]);
      const again = await getRootfsLayer(context, architecture);
      const [first] = base[architecture].layers;
      expect({ ...again, file: "" }).toEqual({ ...first, file: "" });
    },
    60_000,
  );
});
