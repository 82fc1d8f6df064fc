/** How many servers NATS has: a store of one server is none of a cluster's, nor the other way. */
import { ifAllowed, openApi, readIfThere } from "../cluster/api.ts";
import { ArgumentError } from "../errors.ts";

/** The servers of the platform's own NATS, as they are wanted. */
export interface WantedServers {
  /** Where they are. */
  namespace: string;
  replicas: number;
}

/**
 * Refuses another number of servers than that of the NATS which is there: JetStream does not take
 * over what a server has stored alone, or in a cluster, and what waits in it would be lost.
 *
 * @throws ArgumentError naming the number that is there
 */
export async function refuseResize(
  kubeconfig: string,
  { namespace, replicas }: WantedServers,
  isPreview: boolean,
): Promise<void> {
  const { apps } = await openApi(kubeconfig);
  const there = await readIfThere("the servers of the queue", isPreview, () =>
    ifAllowed(apps.readNamespacedStatefulSet({ name: "nats", namespace })),
  );
  const servers = there?.spec?.replicas ?? 1;
  // Somebody may have scaled it; what tells a cluster from a server is how its pods start.
  const isCluster = there?.spec?.podManagementPolicy === "Parallel";
  if (there === undefined || isCluster === replicas > 1) {
    return;
  }
  throw new ArgumentError(
    `replicas: expected that of the NATS which is there (${servers}), as another number begins ` +
      `with an empty store and what waits would be lost, got ${replicas}; when the queue is empty, ` +
      "delete the StatefulSet nats first",
  );
}
