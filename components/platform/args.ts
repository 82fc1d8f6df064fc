/** Arguments of `Platform`. */
import type * as pulumi from "@pulumi/pulumi";
import type { ClusterReference } from "../cluster/existing-cluster.ts";
import type { ArgumentChecks } from "../errors.ts";
import {
  checkGatewayOptions,
  type GatewayAccess,
  type GatewayImages,
  type GatewayOptions,
} from "../gateway/settings.ts";
import type { PodDefaults } from "../kubernetes/pod-options.ts";
import { checkProfile, type Profile } from "../kubernetes/settings.ts";
import {
  checkMonitoring,
  type MetricsArgs,
  type MonitoringImages,
} from "../monitoring/settings.ts";
import { checkOperator, type OperatorOptions } from "../operator/operator.ts";
import { checkProfileNames, type FunctionProfile } from "../operator/profiles.ts";
import { checkQueue, type QueueImages, type QueueOptions } from "../queue/settings.ts";

/** Image references, each `name:tag@sha256:…`. */
export interface PlatformImages extends GatewayImages, QueueImages, MonitoringImages {
  /** Plonk's operator. */
  operator: pulumi.Input<string>;
}

/** Arguments of `Platform`. */
export interface PlatformArgs extends GatewayAccess {
  /** The cluster to install on. */
  cluster: ClusterReference;
  /**
   * References of all images; they must be on the nodes or in a registry that nodes reach.
   * @default those of this version, by the image lock that a released package has
   */
  images?: PlatformImages;
  /**
   * Namespace of the platform. Another one is refused while a platform is there.
   * @default "openfaas"
   */
  namespace?: pulumi.Input<string>;
  /**
   * Namespace of the functions; the REST API makes others beside it. Another name is refused while
   * a platform is there.
   * @default "openfaas-fn"
   */
  functionNamespace?: pulumi.Input<string>;
  /** How much of a machine the platform takes. @default "standard" */
  profile?: Profile;
  /**
   * Profiles by name, which functions name by `profiles`: what their pods may have of Kubernetes'
   * own, such as tolerations and a runtime class. Those that somebody else makes
   * (`kubectl apply`) go by `otherProfileNames`.
   * @default none
   */
  functionProfiles?: Record<string, FunctionProfile>;
  /** Names of Profiles that the program does not make, and its functions may name. @default none */
  otherProfileNames?: string[];
  /** The gateway. */
  gateway?: GatewayOptions;
  /** The queue of asynchronous calls, on a NATS of its own or on one that is there. */
  queue?: QueueOptions;
  /** Metrics and alerts, by a Prometheus of its own or by one that is there. */
  metrics?: MetricsArgs;
  /** The operator. */
  operator?: OperatorOptions;
  /**
   * All pods, where those of a part say nothing else. node_exporter takes `imagePullSecrets` of it
   * only, as it runs on every node.
   * @default none of it
   */
  pods?: PodDefaults;
  /** Takes over the Function definition of another OpenFaaS on the cluster. @default false */
  adopt?: boolean;
}

/** Refuses what a part would refuse, by the name that it has here, and returns the rest. */
export function checkPlatform(checks: ArgumentChecks, args: PlatformArgs): PlatformArgs {
  const { gateway, queue, metrics, operator } = args;
  checkProfile(args.profile);
  checkProfileNames("functionProfiles", Object.keys(args.functionProfiles ?? {}));
  checkProfileNames("otherProfileNames", args.otherProfileNames ?? []);
  return {
    ...args,
    ...(gateway && { gateway: checkGatewayOptions(checks, gateway, "gateway.") }),
    ...(queue && { queue: checkQueue(checks, queue, "queue.") }),
    ...(metrics && { metrics: checkMonitoring(checks, metrics, "metrics.") }),
    ...(operator && { operator: checkOperator(checks, operator, "operator.") }),
  };
}
