/** `Platform`: everything between a Kubernetes cluster and an answered function call. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ANNOTATION, CRD, NAMESPACE, POD_SECURITY, PORT } from "../../contract/index.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { ArgumentChecks, checkFor } from "../errors.ts";
import { withFieldManager } from "../field-manager.ts";
import { createAlertmanager } from "./alertmanager.ts";
import { normalizePlatform, type PlatformArgs } from "./args.ts";
import type { PlatformContext } from "./context.ts";
import { CRD_NAME, toDefinitionSpec } from "./crd.ts";
import { createCredentials } from "./credentials.ts";
import { createGateway } from "./gateway.ts";
import { createNats } from "./nats.ts";
import { createNetworkPolicies } from "./network-policies.ts";
import { createNodeExporter } from "./node-exporter.ts";
import { createOperator } from "./operator.ts";
import { refuseForeignDefinition } from "./ownership.ts";
import { toLabels } from "./pods.ts";
import { createPrometheus } from "./prometheus.ts";
import { createQueueWorker } from "./queue-worker.ts";
import { createAccounts } from "./rbac.ts";
import { checkVolumes } from "./volumes.ts";

/**
 * The PLONK platform on a cluster: namespaces, the Function definition, NATS JetStream,
 * Prometheus, Alertmanager, gateway, queue-worker and operator.
 *
 * @example
 * const platform = new Platform("plonk", {
 *   cluster,
 *   images,
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
  /** Address of Prometheus inside the cluster. */
  public readonly prometheusUrl: pulumi.Output<string>;
  /** The cluster, for the provider of Functions that are given the platform itself. @internal */
  public readonly cluster: Cluster;

  constructor(name: string, args: PlatformArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:Platform", name, {}, withFieldManager(opts));
    this.cluster = args.cluster;
    const context = createContext(this, name, args);
    const definition = createDefinition(this, context, args);
    const accounts = createAccounts(context);
    const credentials = createCredentials(this, context, args);
    createNats(context);
    createPrometheus(context, accounts);
    createAlertmanager(context, credentials);
    createNodeExporter(context);
    createQueueWorker(context, accounts);
    createNetworkPolicies(context);
    const operator = createOperator(context, accounts, definition);
    const gateway = createGateway(this, context, {
      accounts,
      credentials,
      definition,
      gatewayUrl: args.gatewayUrl,
      oidc: args.oidc,
      isBalanced: args.cluster.capabilities.loadBalancer,
      nodeAddress: args.cluster.nodeAddress,
    });
    this.gatewayUrl = gateway.url;
    this.adminUser = credentials.user;
    this.adminPassword = credentials.password;
    this.namespace = context.namespace;
    this.functionNamespace = pulumi
      .all([context.functionNamespace, operator.metadata.name])
      .apply(([namespace]) => namespace);
    this.runtimeImage = pulumi.output(args.images.runtime);
    this.prometheusUrl = pulumi.interpolate`http://prometheus.${context.namespace}:${PORT.prometheus}`;
    this.registerOutputs({
      gatewayUrl: this.gatewayUrl,
      adminUser: this.adminUser,
      adminPassword: this.adminPassword,
      namespace: this.namespace,
      functionNamespace: this.functionNamespace,
      runtimeImage: this.runtimeImage,
      prometheusUrl: this.prometheusUrl,
    });
  }
}

function createContext(platform: Platform, name: string, args: PlatformArgs): PlatformContext {
  const { lifetime, provider, capabilities } = args.cluster;
  const options: pulumi.CustomResourceOptions = {
    parent: platform,
    provider,
    ...(lifetime && { deletedWith: lifetime }),
  };
  const settings = checkFor(platform, () => normalizePlatform(args));
  const checks = new ArgumentChecks(platform);
  checks.applyAsync(args.cluster.kubeconfig, (kubeconfig) =>
    checkVolumes(
      kubeconfig,
      { settings, storageClass: capabilities.storageClass },
      pulumi.runtime.isDryRun(),
    ),
  );
  const inFunctions = { [ANNOTATION.functionNamespace]: "1" };
  return {
    name,
    options,
    platform,
    kubeconfig: args.cluster.kubeconfig,
    namespace: createNamespace(NAMESPACE.platform, { name, annotations: {}, options }),
    functionNamespace: createNamespace(NAMESPACE.functions, {
      name,
      annotations: inFunctions,
      options,
    }),
    settings,
    images: args.images,
    capabilities,
    volumesChecked: checks.passed,
  };
}

interface NamespaceArgs {
  /** Logical name of the platform. */
  name: string;
  annotations: Record<string, string>;
  options: pulumi.CustomResourceOptions;
}

/** A namespace under the `restricted` Pod Security Standard. */
function createNamespace(namespace: string, args: NamespaceArgs): pulumi.Output<string> {
  const created = new k8s.core.v1.Namespace(
    `${args.name}-${namespace}`,
    {
      metadata: {
        name: namespace,
        labels: { ...toLabels(namespace), ...POD_SECURITY },
        annotations: args.annotations,
      },
    },
    { ...args.options, ...retainWithCluster(args.options) },
  );
  return created.metadata.name;
}

/** The Function definition; a foreign one is refused already in preview, or taken over. */
function createDefinition(
  platform: Platform,
  context: PlatformContext,
  args: PlatformArgs,
): pulumi.Resource {
  const checks = new ArgumentChecks(platform);
  if (!args.adopt) {
    checks.applyAsync(args.cluster.kubeconfig, (kubeconfig) =>
      refuseForeignDefinition(kubeconfig, pulumi.runtime.isDryRun()),
    );
  }
  return new k8s.apiextensions.v1.CustomResourceDefinition(
    `${context.name}-functions`,
    {
      metadata: {
        name: CRD_NAME,
        labels: { ...toLabels("functions"), [CRD.ownerLabel]: CRD.ownerValue },
        ...(args.adopt && { annotations: { "pulumi.com/patchForce": "true" } }),
      },
      spec: toDefinitionSpec(),
    },
    pulumi.mergeOptions(context.options, {
      dependsOn: checks.passed,
      ...retainWithCluster(context.options),
    }),
  );
}

/**
 * Where the cluster outlives the program, the definition and the namespaces stay: they hold what
 * others made, and their deletion would take it along. What the program made in them goes.
 */
function retainWithCluster({ deletedWith }: pulumi.CustomResourceOptions): {
  retainOnDelete: boolean;
} {
  return { retainOnDelete: deletedWith === undefined };
}
