/** A volume that is there grows where its class can, and is never changed in silence. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, it } from "@jest/globals";
import { ArgumentError } from "../../components/errors.ts";
import { checkVolume, waitForSize } from "../../components/kubernetes/volumes.ts";
import { type Answers, type FakeApi, startFakeApi, toKubeconfig } from "./support/fake-api.ts";

const CLAIMS = "/api/v1/namespaces/openfaas/persistentvolumeclaims";
const CLASSES = "/apis/storage.k8s.io/v1/storageclasses";

let api: FakeApi | undefined;

afterEach(() => api?.stop());

async function serve(answers: Answers): Promise<string> {
  api = await startFakeApi(answers);
  return toKubeconfig(api.url, "here");
}

const toClaim = (storage: string, storageClassName?: string): Record<string, unknown> => ({
  metadata: { name: "data-nats-0" },
  spec: { storageClassName, resources: { requests: { storage } } },
});

const VOLUME = { component: "nats", namespace: "openfaas" };

const CLASSES_THERE = {
  [`${CLASSES}/gp3`]: { allowVolumeExpansion: true },
  [`${CLASSES}/local-path`]: { provisioner: "rancher.io/local-path" },
  [`${CLASSES}/hidden`]: 403,
};

interface Check {
  queueGiB: number;
  isPreview?: boolean;
  storageClass?: string;
}

async function check(
  answers: Answers,
  { queueGiB, isPreview = true, storageClass }: Check,
): Promise<void> {
  const kubeconfig = await serve({ ...CLASSES_THERE, ...answers });
  const wanted = { name: storageClass, field: "storageClass" };
  await checkVolume(kubeconfig, { ...VOLUME, sizeGiB: queueGiB, storageClass: wanted }, isPreview);
}

describe("the size that is asked for", () => {
  it("is taken on a cluster without volumes, and of volumes that have it", async () => {
    await expect(check({}, { queueGiB: 7 })).resolves.toBeUndefined();
    const volumes = { [`${CLAIMS}/data-nats-0`]: toClaim("7168Mi") };
    await expect(check(volumes, { queueGiB: 7, isPreview: false })).resolves.toBeUndefined();
  });

  it.each(["gp3", "hidden"])(
    "may be larger where the class %s does not forbid it",
    async (name) => {
      const volumes = { [`${CLAIMS}/data-nats-0`]: toClaim("1Gi", name) };
      await expect(check(volumes, { queueGiB: 2, isPreview: false })).resolves.toBeUndefined();
    },
  );

  it.each(["local-path", "gone", ""])("is not larger with the class '%s'", async (name) => {
    const volumes = { [`${CLAIMS}/data-nats-0`]: toClaim("1Gi", name) };
    await expect(check(volumes, { queueGiB: 2 })).rejects.toThrow(
      new ArgumentError(
        `volumeGiB: expected the size of the volume that is there (1Gi of the class "${name}"), ` +
          "as volumes of that class cannot grow, got 2",
      ),
    );
  });

  it.each(["gp3", "local-path"])("is not smaller, whatever the class %s can", async (name) => {
    const volumes = { [`${CLAIMS}/data-nats-0`]: toClaim("3Gi", name) };
    await expect(check(volumes, { queueGiB: 2 })).rejects.toThrow(
      new ArgumentError(
        `volumeGiB: expected at least the size of the volume that is there (3Gi of the class "${name}"), ` +
          "as volumes never shrink, got 2",
      ),
    );
  });

  it("is compared in a preview whose program is too busy to see the answer in time", async () => {
    const volumes = { [`${CLAIMS}/data-nats-0`]: toClaim("3Gi", "gp3") };
    const checked = check(volumes, { queueGiB: 2 });
    // Longer than a preview waits for an answer.
    const never = new Int32Array(new SharedArrayBuffer(4));
    const stall = (): void => void Atomics.wait(never, 0, 0, 5200);
    subscribe("net.client.socket", stall);
    try {
      await expect(checked).rejects.toThrow("expected at least the size of the volume");
    } finally {
      unsubscribe("net.client.socket", stall);
    }
  });

  it("needs an answer: another one does not stand for no volume", async () => {
    await expect(check({ [`${CLAIMS}/data-nats-0`]: 403 }, { queueGiB: 1 })).rejects.toThrow(
      new ArgumentError(
        "cluster: expected to learn the size of the volume data-nats-0, got HTTP 403",
      ),
    );
  });
});

it("refuses another class for a volume that is there", async () => {
  const volumes = { [`${CLAIMS}/data-nats-0`]: toClaim("1Gi", "gp3") };
  await expect(check(volumes, { queueGiB: 1, storageClass: "local-path" })).rejects.toThrow(
    new ArgumentError(
      'storageClass: expected that of the volume data-nats-0 which is there ("gp3"), got "local-path"',
    ),
  );
  await expect(check(volumes, { queueGiB: 1, storageClass: "gp3" })).resolves.toBeUndefined();
});

describe("a volume that grows", () => {
  const patience = { seconds: 2, pauseSeconds: 0.01 };
  const wanted = { ...VOLUME, sizeGiB: 2 };

  it("is waited for until it has the size", async () => {
    const sizes = ["1Gi", "1Gi", "2Gi"];
    let asked = 0;
    const kubeconfig = await serve({
      [`${CLAIMS}/data-nats-0`]: () => ({ status: { capacity: { storage: sizes[asked++] } } }),
    });
    const lines: string[] = [];
    const onWait = (line: string): number => lines.push(line);
    await waitForSize(kubeconfig, wanted, { ...patience, onWait });
    expect(asked).toBe(3);
    expect(lines).toEqual(["volumeGiB: waiting for the volume data-nats-0 of 1Gi to have 2 GiB"]);
  });

  it.each([{ phase: "Pending" }, { phase: "Bound", capacity: { storage: "20Gi" } }])(
    "is not waited for with %j",
    async (status) => {
      const kubeconfig = await serve({ [`${CLAIMS}/data-nats-0`]: { status } });
      await expect(waitForSize(kubeconfig, wanted, patience)).resolves.toBeUndefined();
    },
  );

  it("and does not come to an end stops the update, with the reasons that the claim has", async () => {
    const conditions = [
      { type: "Resizing" },
      { type: "ControllerResizeError", message: "no room" },
    ];
    const status = { capacity: { storage: "1Gi" }, conditions };
    const kubeconfig = await serve({ [`${CLAIMS}/data-nats-0`]: { status } });
    await expect(waitForSize(kubeconfig, wanted, patience)).rejects.toThrow(
      new ArgumentError(
        "volumeGiB: expected within 2 s, got a volume data-nats-0 of 1Gi (Resizing, ControllerResizeError: no room)",
      ),
    );
  });
});
