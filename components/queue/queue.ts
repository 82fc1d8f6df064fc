/** `Queue`: NATS JetStream, or one that is there, and the queue-worker. */
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { PORT } from "../../contract/index.ts";
import { checkFor } from "../errors.ts";
import { withFieldManager } from "../field-manager.ts";
import { createContext } from "../kubernetes/workloads.ts";
import { createNats } from "./nats.ts";
import { createQueueWorker } from "./queue-worker.ts";
import { normalizeQueue, type QueueArgs } from "./settings.ts";

/** The workloads of a queue on the cluster. */
export interface QueueNodes {
  /** Where NATS is the platform's own. */
  nats?: k8s.apps.v1.StatefulSet;
  worker: k8s.apps.v1.Deployment;
}

/**
 * The queue of asynchronous calls: NATS with JetStream on a volume, where there is none yet, and
 * the worker that makes the calls at a gateway. It makes no NetworkPolicies.
 */
export class Queue extends pulumi.ComponentResource {
  /** Address of NATS, as pods reach it. */
  public readonly natsUrl: pulumi.Output<string>;
  /** What is underneath. @internal */
  public readonly nodes: QueueNodes;

  constructor(name: string, args: QueueArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:Queue", name, {}, withFieldManager(opts));
    const context = createContext(this, name, args);
    const { profile, namespace } = context;
    const gatewayHost = args.gatewayHost ?? pulumi.interpolate`gateway.${namespace}`;
    const settings = checkFor(this, () => normalizeQueue(args, { profile, gatewayHost }));
    const { existing } = settings;
    const nats = existing === undefined ? createNats(context, settings) : undefined;
    this.nodes = { ...(nats && { nats }), worker: createQueueWorker(context, settings) };
    const own = pulumi.interpolate`nats://nats.${namespace}:${PORT.nats}`;
    this.natsUrl = existing === undefined ? own : pulumi.output(existing.url);
    this.registerOutputs({ natsUrl: this.natsUrl });
  }
}
