/** Sizes of the platform's volumes: one that is there grows where its class can, at most. */
import { setTimeout as sleep } from "node:timers/promises";
import type { V1PersistentVolumeClaim } from "@kubernetes/client-node";
import { NAMESPACE, parseQuantity } from "../../contract/index.ts";
import { type ClusterApi, ifAllowed, openApi, readIfThere } from "../cluster/api.ts";
import { ArgumentError } from "../errors.ts";
import type { PlatformSettings } from "./args.ts";

type Sizes = Pick<PlatformSettings, "queue" | "metrics">;

/** The parts that keep something, by name. */
export const VOLUMES = {
  nats: {
    /** Where its size comes from. */
    field: "queue.volumeGiB",
    /** Name of the claim; a StatefulSet looks for its pod's under this one. */
    claim: "data-nats-0",
    toGiB: ({ queue }: Sizes): number => queue.volumeGiB,
  },
  prometheus: {
    field: "metrics.volumeGiB",
    claim: "data-prometheus-0",
    toGiB: ({ metrics }: Sizes): number => metrics.volumeGiB,
  },
} as const;
export type VolumeName = keyof typeof VOLUMES;

/** What is asked for. */
export interface WantedVolumes {
  settings: Sizes;
  /** Undefined for the cluster's default one. */
  storageClass: string | undefined;
}

/**
 * Compares the sizes with those of the volumes on the cluster. A preview of a cluster that does not
 * answer passes.
 *
 * @throws ArgumentError for a smaller size, another class, and growth that the class does not offer
 */
export async function checkVolumes(
  kubeconfig: string,
  wanted: WantedVolumes,
  isPreview: boolean,
): Promise<void> {
  const api = await openApi(kubeconfig);
  const volumes = Object.values(VOLUMES);
  const claims = await Promise.all(volumes.map(({ claim }) => readClaim(api, claim, isPreview)));
  for (const [index, { field, toGiB }] of volumes.entries()) {
    const claim = claims[index];
    if (claim === undefined) {
      continue;
    }
    checkClass(claim, wanted.storageClass);
    const [size, volumeGiB] = [toSize(claim), toGiB(wanted.settings)];
    if (size === undefined || parseQuantity(size) === parseQuantity(`${volumeGiB}Gi`)) {
      continue;
    }
    const className = claim.spec?.storageClassName ?? "";
    const there = `the size of the volume that is there (${size} of the class "${className}")`;
    if (parseQuantity(size) > parseQuantity(`${volumeGiB}Gi`)) {
      throw new ArgumentError(
        `${field}: must be at least ${there}, as volumes never shrink, got ${volumeGiB}`,
      );
    }
    if (!(await canGrow(api, className, isPreview))) {
      throw new ArgumentError(
        `${field}: must stay ${there}, as volumes of that class cannot grow, got ${volumeGiB}`,
      );
    }
  }
}

/** A claim keeps its class. With another one it would be replaced by itself, which fails. */
function checkClass(claim: V1PersistentVolumeClaim, wanted: string | undefined): void {
  const there = claim.spec?.storageClassName;
  if (wanted === undefined || there === undefined || there === wanted) {
    return;
  }
  throw new ArgumentError(
    `capabilities.storageClass: must stay that of the volume ${claim.metadata?.name ?? ""} ` +
      `which is there ("${there}"), got "${wanted}"`,
  );
}

/** A class that may not be read is left to the API server, which refuses in its place. */
async function canGrow(
  { storage }: ClusterApi,
  name: string,
  isPreview: boolean,
): Promise<boolean> {
  if (name === "") {
    return false;
  }
  const found = await readIfThere(
    `whether volumes of the class ${name} grow`,
    isPreview,
    async () =>
      (await ifAllowed(storage.readStorageClass({ name }))) ?? { allowVolumeExpansion: true },
  );
  return found?.allowVolumeExpansion === true;
}

/** How long a volume may take to grow. */
export interface Patience {
  seconds: number;
  pauseSeconds: number;
  /** Told in a line that this takes a while. */
  onWait: (line: string) => unknown;
}

/**
 * Waits until the volume of a claim has its size: what is written into it is told of no room that
 * it does not have. A claim whose volume is still to be made gets the size at once.
 *
 * @throws ArgumentError when it is not there in time; a later update goes on
 */
export async function waitForSize(
  kubeconfig: string,
  { component, volumeGiB }: { component: VolumeName; volumeGiB: number },
  { seconds = 300, pauseSeconds = 1, onWait }: Partial<Patience> = {},
): Promise<void> {
  const { field, claim: name } = VOLUMES[component];
  const api = await openApi(kubeconfig);
  for (let waited = 0; ; waited += pauseSeconds) {
    const claim = await readClaim(api, name, false);
    const { size, reasons } = readStatus(claim);
    if (size === undefined || parseQuantity(size) >= parseQuantity(`${volumeGiB}Gi`)) {
      return;
    }
    if (waited >= seconds) {
      throw new ArgumentError(
        `${field}: must be had within ${seconds} s, ` +
          `got a volume ${name} of ${size} (${reasons})`,
      );
    }
    if (waited === 0) {
      await onWait?.(
        `${field}: waiting for the volume ${name} of ${size} to have ${volumeGiB} GiB`,
      );
    }
    await sleep(pauseSeconds * 1000);
  }
}

/** The size that a volume has, undefined before it is made, and what the cluster says of it. */
function readStatus(claim: V1PersistentVolumeClaim | undefined): {
  size: string | undefined;
  reasons: string;
} {
  const status = claim?.status;
  const reasons = (status?.conditions ?? []).map(({ type, message }) =>
    [type, message].filter(Boolean).join(": "),
  );
  return {
    size: status?.capacity?.["storage"],
    reasons: reasons.join(", ") || "nothing says why",
  };
}

/** Undefined when there is no such claim, or no answer in a preview. */
async function readClaim(
  { core }: ClusterApi,
  name: string,
  isPreview: boolean,
): Promise<V1PersistentVolumeClaim | undefined> {
  return await readIfThere(`the size of the volume ${name}`, isPreview, () =>
    core.readNamespacedPersistentVolumeClaim({ name, namespace: NAMESPACE.platform }),
  );
}

function toSize(claim: V1PersistentVolumeClaim): string | undefined {
  return claim.spec?.resources?.requests?.["storage"];
}
