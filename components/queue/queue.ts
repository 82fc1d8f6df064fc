/** `Queue`: NATS JetStream, or one that is there, and the queue-worker. */
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { PORT } from "../../contract/index.ts";
import { ArgumentChecks, checkFor } from "../errors.ts";
import { withFieldManager } from "../field-manager.ts";
import { comeAfter, createContext } from "../kubernetes/workloads.ts";
import { createNats } from "./nats.ts";
import { createNatsKeys } from "./nats-keys.ts";
import { keepMessages } from "./queue-move.ts";
import { createQueueWorkers } from "./queue-worker.ts";
import { checkQueue, normalizeQueue, type QueueArgs } from "./settings.ts";

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
  /**
   * Name of the Secret with which a gateway logs in at the platform's own NATS, in the part's
   * namespace. None beside a NATS of somebody else's.
   */
  public readonly gatewaySecretName?: pulumi.Output<string>;
  /** What is underneath. @internal */
  public readonly nodes: QueueNodes;

  constructor(name: string, args: QueueArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:Queue", name, {}, withFieldManager(opts));
    const given = createContext(this, name, args);
    const { profile, namespace } = given;
    const gatewayHost = args.gatewayHost ?? pulumi.interpolate`gateway.${namespace}`;
    const checks = new ArgumentChecks(this);
    const checked = checkFor(this, () => checkQueue(checks, args));
    const settings = normalizeQueue(checked, { profile, gatewayHost });
    const place = comeAfter(given, checks);
    const { existing, discardMessages } = settings;
    this.natsUrl = pulumi.output(
      existing?.url ?? pulumi.interpolate`tls://nats.${namespace}:${PORT.nats}`,
    );
    const context = keepMessages(place, { url: this.natsUrl, discardMessages });
    if (existing === undefined) {
      const keys = createNatsKeys(context, settings);
      const { gateway, "queue-worker": secretName } = keys.clientSecrets;
      this.gatewaySecretName = gateway;
      this.nodes = {
        nats: createNats(context, settings, keys),
        worker: createQueueWorkers(context, settings, { url: this.natsUrl, secretName }),
      };
    } else {
      this.nodes = { worker: createQueueWorkers(context, settings, undefined) };
    }
    this.registerOutputs({
      natsUrl: this.natsUrl,
      ...(this.gatewaySecretName && { gatewaySecretName: this.gatewaySecretName }),
    });
  }
}
