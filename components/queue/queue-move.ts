/** Tells whether a queue that is there would go to another NATS: what waits does not go along. */
import type { V1EnvVar } from "@kubernetes/client-node";
import * as pulumi from "@pulumi/pulumi";
import { PORT } from "../../contract/index.ts";
import { openApi, readIfThere } from "../cluster/api.ts";
import { ArgumentChecks, ArgumentError } from "../errors.ts";
import { comeAfter, type PartContext } from "../kubernetes/workloads.ts";

/** A move of the queue that is there. */
interface Move {
  /** `host:port` of the NATS that has the queue, and of the one that is to have it. */
  from: string;
  to: string;
}

/**
 * Refuses another NATS than that of the queue which is there, unless the program says that what
 * waits in it may be lost; then a preview tells it. Returns the context for what may come after.
 */
export function keepMessages(
  context: PartContext,
  { url, discardMessages }: { url: pulumi.Input<string>; discardMessages: boolean },
): PartContext {
  const checks = new ArgumentChecks(context.part);
  const isPreview = pulumi.runtime.isDryRun();
  checks.applyAsync(
    pulumi.all([context.cluster.kubeconfig, context.namespace, url]),
    async ([kubeconfig, namespace, wanted]) => {
      const move = await findMove(kubeconfig, { namespace, url: wanted }, isPreview);
      if (move !== undefined && !discardMessages) {
        throw new ArgumentError(describeRefusal(move));
      }
      if (move !== undefined) {
        await pulumi.log.warn(describeLoss(move), context.part);
      }
    },
  );
  return comeAfter(context, checks);
}

function describeRefusal({ from, to }: Move): string {
  return (
    `existing.url: expected that of the NATS which has the queue ("${from}"), got "${to}": ` +
    "calls, callbacks and dead letters in it stay behind, and nobody runs them; " +
    "set discardMessages where they may be lost, or where both are the same server"
  );
}

function describeLoss({ from, to }: Move): string {
  return (
    `discardMessages: calls, callbacks and dead letters in the NATS "${from}" stay behind, ` +
    `as the queue goes to "${to}"`
  );
}

/**
 * Compares the NATS of the queue-worker that is on the cluster with the one that is wanted.
 * Undefined where they have the same address, where there is no queue-worker, and in a preview of a
 * cluster that does not answer.
 */
export async function findMove(
  kubeconfig: string,
  { namespace, url }: { namespace: string; url: string },
  isPreview: boolean,
): Promise<Move | undefined> {
  const { apps } = await openApi(kubeconfig);
  const worker = await readIfThere("which NATS has the queue", isPreview, () =>
    apps.readNamespacedDeployment({ name: "queue-worker", namespace }),
  );
  const from = toAddress(worker?.spec?.template.spec?.containers[0]?.env ?? []);
  const to = toHostAndPort(url);
  return from === undefined || from === to ? undefined : { from, to };
}

/** By the variables that a queue-worker reads; those of before there were URLs, too. */
function toAddress(variables: readonly V1EnvVar[]): string | undefined {
  const valueOf = (name: string): string | undefined =>
    variables.find((variable) => variable.name === name)?.value;
  const url = valueOf("nats_url");
  if (url !== undefined) {
    return toHostAndPort(url);
  }
  const host = valueOf("faas_nats_address");
  return host && toHostAndPort(`nats://${host}:${valueOf("faas_nats_port") ?? PORT.nats}`);
}

/** Whether TLS is asked for says nothing about which server it is. */
function toHostAndPort(url: string): string {
  const [, host = "", port = `${PORT.nats}`] =
    /^[a-z]+:\/\/(.*?)(?::(\d+))?$/.exec(url.toLowerCase()) ?? [];
  return `${host}:${port}`;
}
