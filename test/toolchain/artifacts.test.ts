/** All that a program deploys, from the machine's own cache. */
import { access } from "node:fs/promises";
import { expect, test } from "@jest/globals";
import { SERVICE_IMAGES, THIRD_PARTY_IMAGES } from "../../services/contract/index.ts";
import { hostArchitecture } from "../../toolchain/acquire/session.ts";
import { resolveArtifacts } from "../../toolchain/artifacts.ts";
import { silentProgress } from "../../toolchain/progress.ts";

const MINUTES = 60_000;

test(
  "is complete, there, and the same and quick when asked again",
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
    const begin = performance.now();
    expect(await resolveArtifacts({ progress })).toEqual(artifacts);
    // From the cache; to build anything takes minutes. A closed network is asked again for 3 s.
    expect(performance.now() - begin).toBeLessThan(20_000);
  },
  30 * MINUTES,
);

test("stops when the person stops the command", async () => {
  const signal = AbortSignal.abort();
  const resolving = resolveArtifacts({ progress: silentProgress, signal });
  await expect(resolving).rejects.toThrow("aborted");
});
