/** `Platform`: everything between a Kubernetes cluster and an answered function call. */
import * as pulumi from "@pulumi/pulumi";
import { NAMESPACE } from "../../contract/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { ArgumentChecks, checkFor } from "../errors.ts";
import { withFieldManager } from "../field-manager.ts";
import type { ExportedPlatform } from "../function/platform-from-stack.ts";
import { Gateway } from "../gateway/gateway.ts";
import type { GatewayAccess, GatewayArgs } from "../gateway/settings.ts";
import { createContext } from "../kubernetes/workloads.ts";
import { Monitoring } from "../monitoring/monitoring.ts";
import { Operator, type OperatorArgs } from "../operator/operator.ts";
import { Queue } from "../queue/queue.ts";
import { type QueueOptions, toStreams } from "../queue/settings.ts";
import { checkPlatform, type PlatformArgs } from "./args.ts";
import { readImageLock } from "./image-lock.ts";
import { createNamespaces } from "./namespaces.ts";
import { createNetworkPolicies, type Traffic } from "./network-policies.ts";

/** The parts of a platform. */
export interface PlatformNodes {
  gateway: Gateway;
  queue: Queue;
  monitoring: Monitoring;
  operator: Operator;
}

/**
 * The PLONK platform on a cluster: namespaces, the Function definition, NATS JetStream,
 * Prometheus, Alertmanager, gateway, queue-worker and operator. NATS and Prometheus may be there
 * already.
 *
 * @example
 * const platform = new Platform("plonk", {
 *   cluster,
 *   adminPassword: config.requireSecret("adminPassword"),
 * });
 * new Function("hello", { platform, code: import.meta.resolve("./hello.ts") });
 */
export class Platform extends pulumi.ComponentResource {
  /** Address of the gateway, without a trailing slash. Known when the gateway answers. */
  public readonly gatewayUrl: pulumi.Output<string>;
  /** User name for the REST API. */
  public readonly adminUser: pulumi.Output<string>;
  /** Password for the REST API. Secret. */
  public readonly adminPassword: pulumi.Output<string>;
  /** Namespace of the platform. */
  public readonly namespace: pulumi.Output<string>;
  /** Namespace of the functions. Known when the operator runs, so that Functions come after. */
  public readonly functionNamespace: pulumi.Output<string>;
  /** Image reference of the Node runtime that functions with `code` run in. */
  public readonly runtimeImage: pulumi.Output<string>;
  /** Queues beside the usual one, which functions name by `com.openfaas.queue`. */
  public readonly queueNames: pulumi.Output<string[]>;
  /** Profiles that functions may name. */
  public readonly functionProfileNames: pulumi.Output<string[]>;
  /** Address of Prometheus, as pods reach it. */
  public readonly prometheusUrl: pulumi.Output<string>;
  /** Prometheus' files by name: what another one is to be given (`metrics.existing`). */
  public readonly prometheusConfig: pulumi.Output<Record<string, string>>;
  /** All that functions in other stacks need (`platformFromStack`): an output to export. Secret. */
  public readonly reference: pulumi.Output<ExportedPlatform>;
  /** The parts; each has `nodes` of its own. @internal */
  public readonly nodes: PlatformNodes;
  /** The cluster, for the provider of Functions that are given the platform itself. @internal */
  public readonly cluster: Cluster;

  constructor(name: string, args: PlatformArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:Platform", name, {}, withFieldManager(opts));
    const checked = checkFor(this, () => checkPlatform(new ArgumentChecks(this), args));
    const { profile, metrics, gateway: { timeoutSeconds } = {} } = checked;
    const servers = toServers(checked);
    const images = checkFor(this, () => checked.images ?? readImageLock());
    const given = createContext(this, name, { ...checked, namespace: NAMESPACE.platform });
    const { cluster } = given;
    this.cluster = cluster;
    const { namespace, functionNamespace } = createNamespaces(given, checked);
    const context = { ...given, namespace };
    const place = { cluster, namespace, pods: context.pods, ...(profile && { profile }) };
    const options = { parent: this, transformations: [keepIdentity(this)] };
    const operator = new Operator(
      name,
      {
        ...checked.operator,
        ...place,
        image: images.operator,
        functionNamespace,
        ...(timeoutSeconds !== undefined && { timeoutSeconds }),
        ...servers.operator,
        ...(checked.functionProfiles && { functionProfiles: checked.functionProfiles }),
        ...(checked.adopt && { adopt: true }),
      },
      options,
    );
    const inFunctions = pulumi
      .all([functionNamespace, operator.definition])
      .apply(([known]) => known);
    const queue = new Queue(name, { ...checked.queue, ...place, images }, options);
    const gateway = new Gateway(
      name,
      {
        ...toAccess(checked),
        ...checked.gateway,
        ...place,
        images,
        ...servers.gateway,
        ...toNatsLogin(queue),
        functionNamespace: inFunctions,
      },
      options,
    );
    const alerts = { user: gateway.alertUser, secretName: gateway.alertSecretName };
    const monitoring = new Monitoring(name, { ...metrics, ...place, images, alerts }, options);
    createNetworkPolicies(context, { ...servers.traffic, functionNamespace });
    this.nodes = { gateway, queue, monitoring, operator };
    this.gatewayUrl = gateway.url;
    this.adminUser = gateway.adminUser;
    this.adminPassword = gateway.adminPassword;
    this.namespace = namespace;
    this.functionNamespace = operator.functionNamespace;
    this.runtimeImage = pulumi.output(images.runtime);
    this.queueNames = pulumi.output([...servers.traffic.queueNames]);
    this.functionProfileNames = pulumi.output(toProfileNames(checked));
    this.prometheusUrl = monitoring.prometheusUrl;
    this.prometheusConfig = monitoring.prometheusConfig;
    this.reference = pulumi.output({
      gatewayUrl: this.gatewayUrl,
      functionNamespace: this.functionNamespace,
      runtimeImage: this.runtimeImage,
      queueNames: this.queueNames,
      functionProfileNames: this.functionProfileNames,
      kubeconfig: cluster.kubeconfig,
      clusterIdentity: cluster.identity,
    });
    this.registerOutputs({
      gatewayUrl: this.gatewayUrl,
      adminUser: this.adminUser,
      adminPassword: this.adminPassword,
      namespace: this.namespace,
      functionNamespace: this.functionNamespace,
      runtimeImage: this.runtimeImage,
      queueNames: this.queueNames,
      functionProfileNames: this.functionProfileNames,
      prometheusUrl: this.prometheusUrl,
      prometheusConfig: this.prometheusConfig,
    });
  }
}

/**
 * The objects of the parts were the platform's own children before there were parts: they stay the
 * same objects.
 */
function keepIdentity(platform: Platform): pulumi.ResourceTransformation {
  return ({ props, opts }) => {
    if (opts.parent === platform) {
      return undefined;
    }
    return { props, opts: pulumi.mergeOptions(opts, { aliases: [{ parent: platform }] }) };
  };
}

function toProfileNames({ functionProfiles = {}, otherProfileNames = [] }: PlatformArgs): string[] {
  return [...new Set([...Object.keys(functionProfiles), ...otherProfileNames])].sort();
}

/** What the parts are told of the queue, and of a NATS and a Prometheus that are there already. */
function toServers({ queue = {}, metrics }: PlatformArgs): {
  gateway: Pick<GatewayArgs, "prometheus"> & QueueOfGateway;
  operator: Pick<OperatorArgs, "metricsNamespace" | "prometheus">;
  traffic: Omit<Traffic, "functionNamespace">;
} {
  const prometheus = metrics?.existing;
  const { existing, replicas = 1 } = queue;
  return {
    gateway: { ...toQueueOfGateway(queue), ...(prometheus && { prometheus }) },
    operator: prometheus ? { metricsNamespace: prometheus.namespace, prometheus } : {},
    traffic: {
      queueNames: Object.keys(queue.queues ?? {}).sort(),
      metricsNamespace: prometheus && pulumi.output(prometheus.namespace),
      hasNats: existing === undefined,
      hasRoutes: existing === undefined && replicas > 1,
    },
  };
}

type QueueOfGateway = Pick<
  GatewayArgs,
  "nats" | "callbackAllow" | "queueWorkers" | "queueStreams" | "queueNames"
>;

/** What the gateway is told of the queue. */
function toQueueOfGateway(queue: QueueOptions): QueueOfGateway {
  const { existing: nats, callbacks: { allow: callbackAllow } = {}, workers = {} } = queue;
  const queueNames = Object.keys(queue.queues ?? {}).sort();
  return {
    ...(queueNames.length > 0 && { queueNames }),
    ...(nats && { nats }),
    ...(callbackAllow && { callbackAllow }),
    queueWorkers: workers,
    queueStreams: toStreams(queue),
  };
}

/** How the gateway gets to the platform's own NATS, where there is one. */
function toNatsLogin({
  natsUrl: url,
  gatewaySecretName: secretName,
}: Queue): Pick<GatewayArgs, "natsLogin"> {
  return secretName === undefined ? {} : { natsLogin: { url, secretName } };
}

/** Of all arguments, those about who may use the gateway. */
function toAccess({
  adminPassword,
  adminUser,
  users,
  oidc,
  gatewayUrl,
}: PlatformArgs): GatewayAccess {
  return {
    adminPassword,
    ...(adminUser !== undefined && { adminUser }),
    ...(users !== undefined && { users }),
    ...(oidc !== undefined && { oidc }),
    ...(gatewayUrl !== undefined && { gatewayUrl }),
  };
}
