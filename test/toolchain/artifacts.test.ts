/** All that a program deploys, from the machine's own cache. */
import { access, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { type Artifacts, SERVICE_IMAGES, THIRD_PARTY_IMAGES } from "../../contract/index.ts";
import { hostArchitecture } from "../../toolchain/acquire/session.ts";
import { findArtifacts, resolveArtifacts } from "../../toolchain/artifacts.ts";
import { silentProgress } from "../../toolchain/progress.ts";

const MINUTES = 60_000;

/** The files by their number: what is built again is a new file. */
async function readIdentities({ k3s, images }: Artifacts): Promise<[string, number][]> {
  const archives = Object.values(images).flatMap((image) =>
    Object.values<string>({ ...image.archives }),
  );
  const paths = [k3s.path, k3s.airgapImages, ...archives];
  return await Promise.all(
    paths.map(async (path): Promise<[string, number]> => [path, (await stat(path)).ino]),
  );
}

test(
  "is complete, there, and the same when asked again, with nothing made anew",
  async () => {
    const progress = silentProgress;
    const artifacts = await resolveArtifacts({ progress });
    const { k3s, images } = artifacts;
    expect(Object.keys(images).toSorted()).toEqual(
      [...SERVICE_IMAGES, ...THIRD_PARTY_IMAGES].toSorted(),
    );
    expect(k3s.version).toMatch(/^1\.35\./);
    const services = SERVICE_IMAGES.map((name) => images[name].archives[hostArchitecture()] ?? "");
    await Promise.all([k3s.path, k3s.airgapImages, ...services].map((path) => access(path)));
    for (const name of SERVICE_IMAGES) {
      expect(images[name].reference).toMatch(
        new RegExp(`^plonk\\.local/${name}:\\d+\\.\\d+\\.\\d+@sha256:[0-9a-f]{64}$`),
      );
    }
    const files = await readIdentities(artifacts);
    expect(await resolveArtifacts({ progress })).toEqual(artifacts);
    expect(await readIdentities(artifacts)).toEqual(files);
    expect(await findArtifacts({ progress })).toEqual(artifacts);
  },
  30 * MINUTES,
);

test("is looked for only, where nothing is to be downloaded or compiled", async () => {
  const { PLONK_CACHE, PLONK_OFFLINE, PATH } = process.env;
  const cache = await mkdtemp(join(tmpdir(), "plonk-empty-"));
  // On PATH there may be tools of the right version.
  Object.assign(process.env, { PLONK_CACHE: cache, PLONK_OFFLINE: "1", PATH: "/none" });
  try {
    const { k3s, images } = await findArtifacts({ progress: silentProgress });
    expect([k3s, ...Object.values(images)].filter((each) => each !== undefined)).toEqual([]);
    expect(Object.keys(images)).toHaveLength(SERVICE_IMAGES.length + THIRD_PARTY_IMAGES.length);
    const files = await readdir(cache, { recursive: true, withFileTypes: true });
    expect(files.filter((file) => file.isFile()).map(({ name }) => name)).toEqual([]);
  } finally {
    for (const [key, value] of Object.entries({ PLONK_CACHE, PLONK_OFFLINE, PATH })) {
      if (value === undefined) {
        Reflect.deleteProperty(process.env, key);
      } else {
        process.env[key] = value;
      }
    }
    await rm(cache, { recursive: true });
  }
});

test("stops when the person stops the command", async () => {
  const signal = AbortSignal.abort();
  const resolving = resolveArtifacts({ progress: silentProgress, signal });
  await expect(resolving).rejects.toThrow("aborted");
});
