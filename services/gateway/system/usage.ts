/** What the pods of a function use, where the cluster measures it (metrics.k8s.io). */
import {
  type FunctionDescription,
  type FunctionReference,
  LABEL,
  parseQuantity,
} from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";

/** The description is more than they are, and does not wait for them any longer. */
const TIMEOUT_MS = 3000;

interface PodMetrics {
  containers?: { usage?: { cpu?: string; memory?: string } }[];
}

interface UsageContext {
  client: KubernetesClient;
  logger: Logger;
  /** Longest wait for the figures, milliseconds. @default 3000 */
  timeoutMs?: number;
}

/** The sum over all pods; undefined when there are no figures. */
export async function readUsage(
  { client, logger, timeoutMs = TIMEOUT_MS }: UsageContext,
  { name, namespace }: FunctionReference,
): Promise<FunctionDescription["usage"]> {
  try {
    const path = resourcePath({
      group: "metrics.k8s.io",
      version: "v1beta1",
      plural: "pods",
      namespace,
    });
    const { items } = await client.request<{ items: PodMetrics[] }>(path, {
      query: { labelSelector: `${LABEL.function}=${name}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const usages = items.flatMap(({ containers = [] }) => containers.map(({ usage }) => usage));
    const sum = (texts: (string | undefined)[]): number =>
      texts.map((text) => parseQuantity(text ?? "0")).reduce((total, part) => total + part, 0);
    return items.length === 0
      ? undefined
      : {
          cpu: sum(usages.map((usage) => usage?.cpu)) * 1000,
          totalMemoryBytes: sum(usages.map((usage) => usage?.memory)),
        };
  } catch (error) {
    logger.debug({ reason: messageOf(error) }, "usage of a function not available");
    return undefined;
  }
}
