/** Refuses another size for a volume that is there: a StatefulSet cannot change it. */
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { NAMESPACE } from "../../services/contract/index.ts";
import { readIfThere } from "../cluster/inspect.ts";
import { ArgumentError } from "../errors.ts";
import type { PlatformSettings } from "./args.ts";

/**
 * Compares the sizes with those of the volumes on the cluster. With another size the StatefulSet
 * would be deleted and made again, its volume would stay as it is, and NATS and Prometheus would
 * be told of room that they do not have. A preview of a cluster that does not answer passes.
 *
 * @throws ArgumentError for a size that is not the volume's
 */
export async function refuseOtherSizes(
  kubeconfig: string,
  settings: Pick<PlatformSettings, "queue" | "metrics">,
  isPreview: boolean,
): Promise<void> {
  const wanted: [field: string, claim: string, volumeGiB: number][] = [
    ["queue.volumeGiB", "data-nats-0", settings.queue.volumeGiB],
    ["metrics.volumeGiB", "data-prometheus-0", settings.metrics.volumeGiB],
  ];
  for (const [field, claim, volumeGiB] of wanted) {
    const size = await readSize({ kubeconfig, claim, isPreview });
    if (size !== undefined && size !== `${volumeGiB}Gi`) {
      throw new ArgumentError(
        `${field}: must stay the size of the volume that is there (${size}), ` +
          `volumes cannot grow yet, got ${volumeGiB}`,
      );
    }
  }
}

interface Question {
  kubeconfig: string;
  /** Name of the PersistentVolumeClaim. */
  claim: string;
  isPreview: boolean;
}

/** Undefined when there is no such volume, or no answer in a preview. */
async function readSize({ kubeconfig, claim, isPreview }: Question): Promise<string | undefined> {
  const found = await readIfThere(`the size of the volume ${claim}`, isPreview, async () => {
    const config = new KubeConfig();
    config.loadFromString(kubeconfig);
    const name = { name: claim, namespace: NAMESPACE.platform };
    return await config.makeApiClient(CoreV1Api).readNamespacedPersistentVolumeClaim(name);
  });
  return found?.spec?.resources?.requests?.["storage"];
}
