/** The size of a volume that is there is not changed in silence. */
import { afterEach, expect, it } from "@jest/globals";
import { ArgumentError } from "../../components/errors.ts";
import { normalizePlatform } from "../../components/platform/args.ts";
import { refuseOtherSizes } from "../../components/platform/volumes.ts";
import { type Answers, type FakeApi, startFakeApi, toKubeconfig } from "./support/fake-api.ts";

const CLAIMS = "/api/v1/namespaces/openfaas/persistentvolumeclaims";

let api: FakeApi | undefined;

afterEach(() => api?.stop());

const toClaim = (storage: string): Record<string, unknown> => ({
  spec: { resources: { requests: { storage } } },
});

async function check(answers: Answers, queueGiB: number, isPreview = true): Promise<void> {
  api = await startFakeApi(answers);
  const settings = normalizePlatform({ queue: { volumeGiB: queueGiB } });
  await refuseOtherSizes(toKubeconfig(api.url, "here"), settings, isPreview);
}

it("takes a cluster without volumes, and volumes of the size", async () => {
  await expect(check({}, 7)).resolves.toBeUndefined();
  const volumes = {
    [`${CLAIMS}/data-nats-0`]: toClaim("7Gi"),
    [`${CLAIMS}/data-prometheus-0`]: toClaim("5Gi"),
  };
  await expect(check(volumes, 7, false)).resolves.toBeUndefined();
});

it.each([
  ["1Gi", 2],
  ["3Gi", 2],
])("refuses for a volume of %s the size %d", async (size, volumeGiB) => {
  await expect(check({ [`${CLAIMS}/data-nats-0`]: toClaim(size) }, volumeGiB)).rejects.toThrow(
    new ArgumentError(
      `queue.volumeGiB: must stay the size of the volume that is there (${size}), ` +
        `volumes cannot grow yet, got ${volumeGiB}`,
    ),
  );
});

it("looks at the volume of the samples, too", async () => {
  const volumes = { [`${CLAIMS}/data-prometheus-0`]: toClaim("1Gi") };
  await expect(check(volumes, 1)).rejects.toThrow(/^metrics\.volumeGiB: .*\(1Gi\).*, got 5$/);
});

it("does not take another answer for no volume", async () => {
  await expect(check({ [`${CLAIMS}/data-nats-0`]: 403 }, 1)).rejects.toThrow(
    new ArgumentError("cluster: must say the size of the volume data-nats-0, got HTTP 403"),
  );
});
