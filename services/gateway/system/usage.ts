/** What the pods of a function use, as its description says it. */
import type { FunctionDescription, FunctionReference } from "../../../contract/index.ts";
import type { KubernetesClient } from "../../lib/kubernetes.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import { readPodUsage } from "../../lib/pod-usage.ts";

interface UsageContext {
  client: KubernetesClient;
  logger: Logger;
  /** Longest wait for the figures, milliseconds: the description is more than they are. */
  timeoutMs?: number;
}

/** The sum over all pods; undefined when there are no figures. */
export async function readUsage(
  { client, logger, timeoutMs }: UsageContext,
  reference: FunctionReference,
): Promise<FunctionDescription["usage"]> {
  try {
    const query = { ...reference, ...(timeoutMs !== undefined && { timeoutMs }) };
    const { pods = 0, ...usage } = (await readPodUsage(client, query)).get(reference.name) ?? {};
    return pods === 0 ? undefined : usage;
  } catch (error) {
    logger.debug({ reason: messageOf(error) }, "usage of a function not available");
    return undefined;
  }
}
