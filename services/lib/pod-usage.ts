/** What the pods of functions use, where the cluster measures it (metrics.k8s.io). */
import { LABEL, parseQuantity } from "../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "./kubernetes.ts";

/** Of all pods of a function together. */
export interface PodUsage {
  /** Those that are measured. */
  pods: number;
  /** Thousandths of a core. */
  cpu: number;
  totalMemoryBytes: number;
}

interface PodMetrics {
  metadata?: { labels?: Record<string, string> };
  containers?: { usage?: { cpu?: string; memory?: string } }[];
}

export interface PodUsageQuery {
  namespace: string;
  /** One function alone. @default all of the namespace */
  name?: string;
  /** Longest wait for the figures, milliseconds. @default 3000 */
  timeoutMs?: number;
}

/** The figures by function, of those that have pods. Throws where there are none to be had. */
export async function readPodUsage(
  client: KubernetesClient,
  { namespace, name, timeoutMs = 3000 }: PodUsageQuery,
): Promise<Map<string, PodUsage>> {
  const group = "metrics.k8s.io";
  const path = resourcePath({ group, version: "v1beta1", plural: "pods", namespace });
  const labelSelector = name === undefined ? LABEL.function : `${LABEL.function}=${name}`;
  const { items } = await client.request<{ items: PodMetrics[] }>(path, {
    query: { labelSelector },
    signal: AbortSignal.timeout(timeoutMs),
  });
  const sums = new Map<string, PodUsage>();
  for (const pod of items) {
    const owner = name ?? pod.metadata?.labels?.[LABEL.function] ?? "";
    sums.set(owner, addPod(pod, sums.get(owner)));
  }
  return sums;
}

function addPod(
  { containers = [] }: PodMetrics,
  { pods, cpu, totalMemoryBytes }: PodUsage = { pods: 0, cpu: 0, totalMemoryBytes: 0 },
): PodUsage {
  const sum = (resource: "cpu" | "memory"): number =>
    containers
      .map(({ usage }) => parseQuantity(usage?.[resource] ?? "0"))
      .reduce((total, part) => total + part, 0);
  return {
    pods: pods + 1,
    cpu: cpu + sum("cpu") * 1000,
    totalMemoryBytes: totalMemoryBytes + sum("memory"),
  };
}
