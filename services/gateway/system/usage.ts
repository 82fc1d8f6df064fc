/** What the pods of a function use, where the cluster measures it (metrics.k8s.io). */
import { LABEL, type FunctionDescription } from "../../contract/index.ts";
import { resourcePath, type KubernetesClient } from "../../lib/kubernetes.ts";
import { messageOf, type Logger } from "../../lib/logger.ts";
import type { FunctionReference } from "../cluster/names.ts";

/** Longest wait for the figures, milliseconds: the description is more than they are. */
const TIMEOUT_MS = 1000;

interface PodMetrics {
  containers?: { usage?: { cpu?: string; memory?: string } }[];
}

const SUFFIXES: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** The sum over all pods; undefined when there are no figures. */
export async function readUsage(
  { client, logger }: { client: KubernetesClient; logger: Logger },
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
      signal: AbortSignal.timeout(TIMEOUT_MS),
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

/** Number that a Kubernetes quantity such as `250m` or `64Mi` stands for; NaN for other text. */
export function parseQuantity(text: string): number {
  const [, digits = "", suffix = ""] = /^([0-9.]+)([A-Za-z]*)$/.exec(text) ?? [];
  return digits === "" ? NaN : Number(digits) * (suffix === "" ? 1 : (SUFFIXES[suffix] ?? NaN));
}
