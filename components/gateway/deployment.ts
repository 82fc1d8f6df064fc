/** The gateway: REST API, calls of functions, and the address under which people reach both. */
import { isIPv6 } from "node:net";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { GatewayEnvironment } from "../../contract/environment/index.ts";
import { FUNCTION_ROLE, PORT } from "../../contract/index.ts";
import { ArgumentChecks, ArgumentError } from "../errors.ts";
import { createAccount, type Grant } from "../kubernetes/accounts.ts";
import {
  GATEWAY_SEMI_SPACE_MIB,
  toNodeOptions,
  toServiceProbes,
} from "../kubernetes/node-service.ts";
import {
  METRICS_PORT,
  toContainer,
  toEnvironment,
  toMetadata,
  toSelector,
  type Variables,
} from "../kubernetes/pods.ts";
import {
  createDeployment,
  createDisruptionBudget,
  createService,
  type PartContext,
} from "../kubernetes/workloads.ts";
import { whenKnown } from "../unknown.ts";
import type { Credentials } from "./credentials.ts";
import { GATEWAY_CLUSTER_RULES, GATEWAY_FUNCTION_RULES } from "./rbac-rules.ts";
import type { GatewayArgs, GatewaySettings, OidcArgs } from "./settings.ts";

const GRANTS: Grant[] = [
  { place: "functions", name: FUNCTION_ROLE.gateway, rules: GATEWAY_FUNCTION_RULES },
  { place: "cluster", name: "plonk-gateway", rules: GATEWAY_CLUSTER_RULES },
];

const SECRETS = "/var/secrets/gateway";

/** Time in which load balancers and kube-proxy learn that a pod is going, seconds. */
const DRAIN_SECONDS = 5;

/** Time in which a load balancer has to get its address; clouds need a minute or two. */
const BALANCER_TIMEOUT = "300s";

/** What the gateway is made by. */
export interface GatewayParts {
  args: GatewayArgs;
  settings: GatewaySettings;
  credentials: Credentials;
}

/**
 * Creates the Deployment `gateway`, the Service inside and the one to the outside. Returns the
 * address under which people reach it, known when it answers.
 */
export function createGateway(context: PartContext, parts: GatewayParts): pulumi.Output<string> {
  const { args, settings, credentials } = parts;
  const { replicas, timeoutSeconds, size } = settings;
  const { images, functionNamespace } = args;
  const container = toContainer(
    {
      name: "gateway",
      image: images.gateway,
      env: toEnvironment<typeof GatewayEnvironment>({
        port: `${PORT.gateway}`,
        metrics_port: `${PORT.gatewayMetrics}`,
        // Longer than the call itself, so that its answer, also a late 504, gets through.
        read_timeout: `${timeoutSeconds + 5}s`,
        write_timeout: `${timeoutSeconds + 5}s`,
        upstream_timeout: `${timeoutSeconds}s`,
        max_inflight: `${settings.maxInflight}`,
        trusted_proxies: settings.trustedProxies.join(","),
        direct_functions: `${settings.callsServices}`,
        faas_nats_address: pulumi.interpolate`nats.${context.namespace}`,
        faas_nats_port: `${PORT.nats}`,
        faas_prometheus_host: pulumi.interpolate`prometheus.${context.namespace}`,
        faas_prometheus_port: `${PORT.prometheus}`,
        basic_auth: "true",
        secret_mount_path: SECRETS,
        ...(args.oidc && toOidcEnvironment(args.oidc)),
        scale_from_zero: "true",
        function_namespace: functionNamespace,
        platform_namespace: context.namespace,
        cluster_scope: "true",
        // Functions from pasted code run in it.
        runtime_image: images.runtime,
        log_level: "info",
        NODE_OPTIONS: toNodeOptions(size, GATEWAY_SEMI_SPACE_MIB),
      }),
      ports: [
        { name: "http", containerPort: PORT.gateway },
        { name: METRICS_PORT, containerPort: PORT.gatewayMetrics },
      ],
      ...toServiceProbes(2),
      lifecycle: { preStop: { sleep: { seconds: DRAIN_SECONDS } } },
      volumeMounts: [{ name: "auth", mountPath: SECRETS, readOnly: true }],
    },
    size,
  );
  const deployment = createDeployment(context, {
    component: "gateway",
    replicas,
    annotations: { "plonk/credentials-revision": credentials.revision },
    pod: {
      serviceAccountName: createAccount(context, {
        account: "gateway",
        grants: GRANTS,
        functionNamespace,
      }),
      automountServiceAccountToken: true,
      terminationGracePeriodSeconds: DRAIN_SECONDS + timeoutSeconds + 10,
      containers: [container],
      volumes: [{ name: "auth", secret: { secretName: credentials.secretName } }],
    },
  });
  createDisruptionBudget(context, "gateway", replicas);
  createService(context, "gateway", { http: PORT.gateway, [METRICS_PORT]: PORT.gatewayMetrics });
  const service = createEntrance(context);
  return pulumi
    .all([toUrl(context, args, service), deployment.metadata.name, service.metadata.name])
    .apply(([url]) => url);
}

function toOidcEnvironment(oidc: OidcArgs): Variables<typeof GatewayEnvironment> {
  return {
    oidc_issuer: oidc.issuer,
    oidc_audience: oidc.audience,
    ...(oidc.rolesClaim !== undefined && { oidc_roles_claim: oidc.rolesClaim }),
    ...(oidc.rolePrefix !== undefined && { oidc_role_prefix: oidc.rolePrefix }),
  };
}

/** The way in from outside: metrics stay inside. */
function createEntrance(context: PartContext): k8s.core.v1.Service {
  const isBalanced = context.cluster.capabilities.loadBalancer;
  const nodePort = isBalanced ? {} : { nodePort: PORT.gatewayNode };
  const customTimeouts = { create: BALANCER_TIMEOUT, update: BALANCER_TIMEOUT };
  return new k8s.core.v1.Service(
    `${context.name}-gateway-external`,
    {
      metadata: toMetadata("gateway", context.namespace, "gateway-external"),
      spec: {
        type: isBalanced ? "LoadBalancer" : "NodePort",
        selector: toSelector("gateway"),
        ports: [{ name: "http", port: PORT.gateway, targetPort: "http", ...nodePort }],
      },
    },
    // The update waits for the address, and says so when there is none.
    { ...context.options, ...(isBalanced && { customTimeouts }) },
  );
}

/**
 * The address for people: the one that they say themselves, the load balancer's, or a node's. A
 * node's address may come from the same secret output as the kubeconfig, and is none itself.
 */
function toUrl(
  context: PartContext,
  { gatewayUrl }: GatewayArgs,
  service: k8s.core.v1.Service,
): pulumi.Output<string> {
  const { nodeAddress, capabilities } = context.cluster;
  const checks = new ArgumentChecks(context.part);
  if (gatewayUrl !== undefined) {
    return checks.apply(gatewayUrl, checkUrl);
  }
  return capabilities.loadBalancer
    ? // The preview of a Service that is to be made has no status, and only its id is unknown; nor
      // has a changed one where the cluster does not answer.
      pulumi
        .all([service.status, service.id])
        .apply(([status]) =>
          whenKnown(status, ({ loadBalancer }: BalancerStatus) =>
            toBalancerUrl(loadBalancer?.ingress?.[0]),
          ),
        )
    : checks.apply(pulumi.unsecret(nodeAddress), toNodeUrl);
}

/** Returns `url` when a path can be put behind it. */
export function checkUrl(url: string): string {
  if (URL.canParse(url) && /^https?:\/\/.*[^/]$/.test(url)) {
    return url;
  }
  throw new ArgumentError(
    `gatewayUrl: must be an http(s) URL without a slash at its end, got ${JSON.stringify(url)}`,
  );
}

/** Address of the gateway on a node. */
export function toNodeUrl(address: string): string {
  if (address !== "") {
    return `http://${toHost(address)}:${PORT.gatewayNode}`;
  }
  throw new ArgumentError(
    "gatewayUrl: must be given where no node's address is known, got none; " +
      "nodeAddress or a load balancer of the cluster will do as well",
  );
}

/** In a URL an IPv6 address has brackets. */
function toHost(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}

/** What a Service says that has no address yet. */
interface BalancerStatus {
  loadBalancer?: { ingress?: { hostname?: string; ip?: string }[] };
}

/**
 * Address of the gateway on a load balancer: a name as EKS gives one, or an address. Not known for
 * a Service that has neither, as one has whose type is to be changed.
 */
export function toBalancerUrl(ingress: { hostname?: string; ip?: string } | undefined): string {
  const host = ingress?.hostname ?? ingress?.ip ?? "";
  return host === "" ? (pulumi.unknown as never) : `http://${toHost(host)}:${PORT.gateway}`;
}
