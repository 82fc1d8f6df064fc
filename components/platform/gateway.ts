/** The gateway: REST API, calls of functions, and the address under which people reach both. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { NAMESPACE, PORT } from "../../services/contract/index.ts";
import type { OidcArgs } from "./args.ts";
import {
  createDeployment,
  createDisruptionBudget,
  createService,
  type PlatformContext,
} from "./context.ts";
import type { Credentials } from "./credentials.ts";
import { METRICS_PORT } from "./metrics-config.ts";
import { GATEWAY_SEMI_SPACE_MIB, toNodeOptions } from "./node-service.ts";
import { toContainer, toEnvironment, toMetadata, toProbe, toSelector } from "./pods.ts";
import type { Accounts } from "./rbac.ts";

const SECRETS = "/var/secrets/gateway";

/** Time in which load balancers and kube-proxy learn that a pod is going, seconds. */
const DRAIN_SECONDS = 5;

/** What the gateway needs besides the context. */
export interface GatewayParts {
  accounts: Accounts;
  credentials: Credentials;
  /** Address that the user gave; wins over what the cluster offers. */
  gatewayUrl: pulumi.Input<string> | undefined;
  oidc: OidcArgs | undefined;
  /** Address of a node, where there is no load balancer. */
  nodeAddress: pulumi.Output<string>;
  /** Must exist before the gateway watches it. */
  definition: pulumi.Resource;
}

/** The gateway's address and the Deployment behind it. */
export interface Gateway {
  url: pulumi.Output<string>;
  deployment: k8s.apps.v1.Deployment;
}

/** Creates the Deployment `gateway`, the Service inside and the one to the outside. */
export function createGateway(context: PlatformContext, parts: GatewayParts): Gateway {
  const { replicas, timeoutSeconds, ...limits } = context.settings.gateway;
  const size = context.settings.sizes.gateway;
  const container = toContainer(
    {
      name: "gateway",
      image: context.images.gateway,
      env: toEnvironment({
        port: `${PORT.gateway}`,
        metrics_port: `${PORT.gatewayMetrics}`,
        // Longer than the call itself, so that its answer, also a late 504, gets through.
        read_timeout: `${timeoutSeconds + 5}s`,
        write_timeout: `${timeoutSeconds + 5}s`,
        upstream_timeout: `${timeoutSeconds}s`,
        max_inflight: `${limits.maxInflight}`,
        trusted_proxies: limits.trustedProxies.join(","),
        direct_functions: `${limits.callsServices}`,
        faas_nats_address: `nats.${NAMESPACE.platform}`,
        faas_nats_port: `${PORT.nats}`,
        faas_prometheus_host: `prometheus.${NAMESPACE.platform}`,
        faas_prometheus_port: `${PORT.prometheus}`,
        basic_auth: "true",
        secret_mount_path: SECRETS,
        ...(parts.oidc && toOidcEnvironment(parts.oidc)),
        scale_from_zero: "true",
        function_namespace: context.functionNamespace,
        platform_namespace: context.namespace,
        cluster_scope: "true",
        // Functions from pasted code run in it.
        runtime_image: context.images.runtime,
        log_level: "info",
        NODE_OPTIONS: toNodeOptions(size, GATEWAY_SEMI_SPACE_MIB),
      }),
      ports: [
        { name: "http", containerPort: PORT.gateway },
        { name: METRICS_PORT, containerPort: PORT.gatewayMetrics },
      ],
      startupProbe: toProbe("/healthz", METRICS_PORT, { periodSeconds: 1, failureThreshold: 60 }),
      livenessProbe: toProbe("/healthz", METRICS_PORT),
      readinessProbe: toProbe("/readyz", METRICS_PORT, { periodSeconds: 2, failureThreshold: 2 }),
      lifecycle: { preStop: { sleep: { seconds: DRAIN_SECONDS } } },
      volumeMounts: [{ name: "auth", mountPath: SECRETS, readOnly: true }],
    },
    size,
  );
  const deployment = createDeployment(
    context,
    {
      component: "gateway",
      replicas,
      annotations: { "plonk/credentials-revision": parts.credentials.revision },
      pod: {
        serviceAccountName: parts.accounts.gateway,
        automountServiceAccountToken: true,
        terminationGracePeriodSeconds: DRAIN_SECONDS + timeoutSeconds + 10,
        containers: [container],
        volumes: [{ name: "auth", secret: { secretName: parts.credentials.secretName } }],
      },
    },
    { dependsOn: [parts.definition] },
  );
  createDisruptionBudget(context, "gateway", replicas);
  createService(context, "gateway", { http: PORT.gateway, [METRICS_PORT]: PORT.gatewayMetrics });
  return { deployment, url: createEntrance(context, parts, deployment) };
}

function toOidcEnvironment(oidc: OidcArgs): Record<string, pulumi.Input<string>> {
  return {
    oidc_issuer: oidc.issuer,
    oidc_audience: oidc.audience,
    ...(oidc.rolesClaim !== undefined && { oidc_roles_claim: oidc.rolesClaim }),
    ...(oidc.rolePrefix !== undefined && { oidc_role_prefix: oidc.rolePrefix }),
  };
}

/**
 * The way in from outside: metrics stay inside. A node's address may come from the same secret
 * output as the kubeconfig, and is none itself. The address is known when the gateway answers
 * there.
 */
function createEntrance(
  context: PlatformContext,
  parts: GatewayParts,
  deployment: k8s.apps.v1.Deployment,
): pulumi.Output<string> {
  const isBalanced = context.capabilities.loadBalancer;
  const nodePort = isBalanced ? {} : { nodePort: PORT.gatewayNode };
  const service = new k8s.core.v1.Service(
    `${context.name}-gateway-external`,
    {
      metadata: toMetadata("gateway", context.namespace, "gateway-external"),
      spec: {
        type: isBalanced ? "LoadBalancer" : "NodePort",
        selector: toSelector("gateway"),
        ports: [{ name: "http", port: PORT.gateway, targetPort: "http", ...nodePort }],
      },
    },
    context.options,
  );
  const address = isBalanced
    ? service.status.apply((status) => toBalancerUrl(status.loadBalancer.ingress[0]))
    : pulumi.interpolate`http://${pulumi.unsecret(parts.nodeAddress)}:${PORT.gatewayNode}`;
  const url = parts.gatewayUrl ?? address;
  return pulumi
    .all([url, deployment.metadata.name, service.metadata.name])
    .apply(([known]) => known);
}

function toBalancerUrl(ingress: { hostname?: string; ip?: string } | undefined): string {
  return `http://${ingress?.hostname ?? ingress?.ip ?? "gateway-external"}:${PORT.gateway}`;
}
