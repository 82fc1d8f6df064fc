/** Sizes of volumes: one that is there grows where its class can, at most. */
import { setTimeout as sleep } from "node:timers/promises";
import type { V1PersistentVolumeClaim } from "@kubernetes/client-node";
import { parseQuantity } from "../../contract/index.ts";
import { type ClusterApi, ifAllowed, openApi, readIfThere } from "../cluster/api.ts";
import { ArgumentError } from "../errors.ts";

/** The volume of a part that keeps something. */
export interface Volume {
  /** Name of the part's workload. */
  component: string;
  /** Namespace of the claim. */
  namespace: string;
  sizeGiB: number;
  /** Number of its pod. @default 0 */
  ordinal?: number;
}

/** The StorageClass that a volume is to have. */
export interface WantedClass {
  /** Undefined for the cluster's default one. */
  name: string | undefined;
  /** Argument that it comes from. */
  field: string;
}

/** Argument that its size comes from. */
const FIELD = "volumeGiB";

/** Name of the claim; a StatefulSet looks for its pod's under this one. */
export function toClaimName(component: string, ordinal = 0): string {
  return `data-${component}-${ordinal}`;
}

/**
 * Compares a volume with the one that is on the cluster. A preview of a cluster that does not
 * answer passes.
 *
 * @throws ArgumentError for a smaller size, another class, and growth that the class does not offer
 */
export async function checkVolume(
  kubeconfig: string,
  { storageClass, ...volume }: Volume & { storageClass: WantedClass },
  isPreview: boolean,
): Promise<void> {
  const api = await openApi(kubeconfig);
  const { sizeGiB } = volume;
  const claim = await readClaim(api, volume, isPreview);
  if (claim === undefined) {
    return;
  }
  checkClass(claim, storageClass);
  const size = toSize(claim);
  if (size === undefined || parseQuantity(size) === parseQuantity(`${sizeGiB}Gi`)) {
    return;
  }
  const className = claim.spec?.storageClassName ?? "";
  const there = `the size of the volume that is there (${size} of the class "${className}")`;
  if (parseQuantity(size) > parseQuantity(`${sizeGiB}Gi`)) {
    throw new ArgumentError(
      `${FIELD}: expected at least ${there}, as volumes never shrink, got ${sizeGiB}`,
    );
  }
  if (!(await canGrow(api, className, isPreview))) {
    throw new ArgumentError(
      `${FIELD}: expected ${there}, as volumes of that class cannot grow, got ${sizeGiB}`,
    );
  }
}

/** A claim keeps its class. With another one it would be replaced by itself, which fails. */
function checkClass(claim: V1PersistentVolumeClaim, { name, field }: WantedClass): void {
  const there = claim.spec?.storageClassName;
  if (name === undefined || there === undefined || there === name) {
    return;
  }
  throw new ArgumentError(
    `${field}: expected that of the volume ${claim.metadata?.name ?? ""} ` +
      `which is there ("${there}"), got "${name}"`,
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
  volume: Volume,
  { seconds = 300, pauseSeconds = 1, onWait }: Partial<Patience> = {},
): Promise<void> {
  const name = toClaimName(volume.component, volume.ordinal);
  const api = await openApi(kubeconfig);
  for (let waited = 0; ; waited += pauseSeconds) {
    const claim = await readClaim(api, volume, false);
    const { size, reasons } = readStatus(claim);
    if (size === undefined || parseQuantity(size) >= parseQuantity(`${volume.sizeGiB}Gi`)) {
      return;
    }
    if (waited >= seconds) {
      throw new ArgumentError(
        `${FIELD}: expected within ${seconds} s, ` + `got a volume ${name} of ${size} (${reasons})`,
      );
    }
    if (waited === 0) {
      await onWait?.(
        `${FIELD}: waiting for the volume ${name} of ${size} to have ${volume.sizeGiB} GiB`,
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
  { component, namespace, ordinal }: Volume,
  isPreview: boolean,
): Promise<V1PersistentVolumeClaim | undefined> {
  const name = toClaimName(component, ordinal);
  return await readIfThere(`the size of the volume ${name}`, isPreview, () =>
    core.readNamespacedPersistentVolumeClaim({ name, namespace }),
  );
}

function toSize(claim: V1PersistentVolumeClaim): string | undefined {
  return claim.spec?.resources?.requests?.["storage"];
}
