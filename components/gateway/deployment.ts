/** The gateway: REST API and calls of functions. */
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { GatewayEnvironment } from "../../contract/environment/index.ts";
import { FUNCTION_ROLE, LONGEST_DRAIN_SECONDS, PORT } from "../../contract/index.ts";
import { createAccount, type Grant } from "../kubernetes/accounts.ts";
import { toAllowed } from "../kubernetes/callback-hosts.ts";
import { NATS, PROMETHEUS, type ServerKind } from "../kubernetes/existing-servers.ts";
import {
  GATEWAY_SEMI_SPACE_MIB,
  toNodeOptions,
  toServiceProbes,
} from "../kubernetes/node-service.ts";
import { toPodSettings } from "../kubernetes/pod-settings.ts";
import { METRICS_PORT, toContainer, toEnvironment, type Variables } from "../kubernetes/pods.ts";
import { toStreamVariables } from "../kubernetes/queue-streams.ts";
import { toWorkerVariables } from "../kubernetes/queue-workers.ts";
import {
  createServerAccess,
  joinAccess,
  type ServerAccess,
  type ServerUse,
} from "../kubernetes/server-access.ts";
import {
  createDeployment,
  createDisruptionBudget,
  createService,
  type PartContext,
} from "../kubernetes/workloads.ts";
import { joinEntries } from "../lists.ts";
import type { Credentials } from "./credentials.ts";
import { createExternalService } from "./external-service.ts";
import { createMarkKeys } from "./mark-keys.ts";
import { createNamespaceGuard } from "./namespace-guard.ts";
import {
  GATEWAY_BINDING,
  GATEWAY_CLUSTER_RULES,
  GATEWAY_FUNCTION_RULES,
  PROFILE_RULES,
  QUEUE_WORKER_RULES,
} from "./rbac-rules.ts";
import type { GatewayArgs, GatewaySettings, OidcArgs } from "./settings.ts";

const GRANTS: Grant[] = [
  { place: "functions", name: FUNCTION_ROLE.gateway, rules: GATEWAY_FUNCTION_RULES },
  { place: "cluster", name: GATEWAY_BINDING, rules: GATEWAY_CLUSTER_RULES },
];

/** Rights beside the platform. @param scales - whether the gateway sees to the queue-workers */
function toPlatformGrant(scales: boolean): Grant {
  const rules = scales ? [...PROFILE_RULES, ...QUEUE_WORKER_RULES] : PROFILE_RULES;
  return { place: "platform", name: "plonk-gateway", rules };
}

const SECRETS = "/var/secrets/gateway";

/** Time in which load balancers and kube-proxy learn that a pod is going, seconds. */
const DRAIN_SECONDS = 5;

/** What the gateway is made by. */
export interface GatewayParts {
  args: GatewayArgs;
  settings: GatewaySettings;
  credentials: Credentials;
}

/** The objects of a gateway on the cluster. */
export interface GatewayNodes {
  deployment: k8s.apps.v1.Deployment;
  /** The Service inside the cluster. */
  service: k8s.core.v1.Service;
  /** The Service to the outside: with a node port, or a load balancer. */
  external: k8s.core.v1.Service;
  /** Where the arguments have one. */
  ingress?: k8s.networking.v1.Ingress;
  /** All users, `basic-auth`. */
  secret: k8s.core.v1.Secret;
}

/** A gateway, and the address under which people reach it, known when it answers. */
interface CreatedGateway {
  url: pulumi.Output<string>;
  nodes: GatewayNodes;
}

/** Creates the Deployment `gateway`, the Service inside and the ways in from outside. */
export function createGateway(context: PartContext, parts: GatewayParts): CreatedGateway {
  const { args, settings, credentials } = parts;
  const { replicas, timeoutSeconds } = settings;
  const { images, functionNamespace } = args;
  // Longer than the call itself, so that its answer, also a late 504, gets through.
  const answerTime = pulumi.output(timeoutSeconds).apply((seconds) => `${seconds + 5}s`);
  const pod = toPodSettings(context, { field: "pod", options: args.pod, size: settings.size });
  const access = joinAccess(
    createMarkKeys(context, settings.queueKeyRevision),
    accessServers(context, args),
  );
  const container = toContainer(
    {
      name: "gateway",
      image: images.gateway,
      env: toEnvironment<typeof GatewayEnvironment>({
        port: `${PORT.gateway}`,
        metrics_port: `${PORT.gatewayMetrics}`,
        read_timeout: answerTime,
        write_timeout: answerTime,
        upstream_timeout: pulumi.interpolate`${timeoutSeconds}s`,
        ...toLimitEnvironment(args, settings),
        direct_functions: pulumi.interpolate`${settings.callsServices}`,
        ...access.variables,
        ...toListEnvironment(args),
        ...toStreamVariables(args.queueStreams ?? {}),
        ...(settings.queueWorkers && toWorkerVariables(settings.queueWorkers)),
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
        NODE_OPTIONS: pod.limitMiB.apply((limit) => toNodeOptions(limit, GATEWAY_SEMI_SPACE_MIB)),
      }),
      ports: [
        { name: "http", containerPort: PORT.gateway },
        { name: METRICS_PORT, containerPort: PORT.gatewayMetrics },
      ],
      ...toServiceProbes(2),
      lifecycle: { preStop: { sleep: { seconds: DRAIN_SECONDS } } },
      volumeMounts: [{ name: "auth", mountPath: SECRETS, readOnly: true }, ...access.volumeMounts],
    },
    pod,
  );
  const workload = {
    component: "gateway",
    replicas,
    settings: pod,
    annotations: { "plonk/credentials-revision": credentials.revision },
    pod: {
      serviceAccountName: createAccount(context, {
        account: "gateway",
        grants: [...GRANTS, toPlatformGrant(settings.queueWorkers !== undefined)],
        functionNamespace,
      }),
      automountServiceAccountToken: true,
      terminationGracePeriodSeconds: DRAIN_SECONDS + LONGEST_DRAIN_SECONDS,
      containers: [container],
      volumes: [
        { name: "auth", secret: { secretName: credentials.secret.metadata.name } },
        ...access.volumes,
      ],
    },
  };
  createNamespaceGuard(context, functionNamespace);
  const deployment = createDeployment(context, workload, { dependsOn: access.passed });
  createDisruptionBudget(context, "gateway", replicas);
  const ports = { http: PORT.gateway, [METRICS_PORT]: PORT.gatewayMetrics };
  const service = createService(context, "gateway", ports);
  const { url, ...ways } = createExternalService(context, args);
  return {
    url: pulumi.all([url, deployment.metadata.name]).apply(([known]) => known),
    nodes: { deployment, service, ...ways, secret: credentials.secret },
  };
}

/** NATS and Prometheus: those of the namespace, or others. */
function accessServers(
  context: PartContext,
  { nats, natsLogin: login, prometheus }: GatewayArgs,
): ServerAccess {
  const toUse = (kind: ServerKind): ServerUse => ({ kind, component: "gateway", path: kind.name });
  return joinAccess(
    createServerAccess(context, { ...toUse(NATS), login }, nats),
    createServerAccess(context, toUse(PROMETHEUS), prometheus),
  );
}

/** To whom callbacks may go, whom the gateway believes, which queues and which store there are. */
function toListEnvironment({
  trustedProxies = [],
  callbackAllow,
  queueNames = [],
  store,
}: GatewayArgs): Variables<typeof GatewayEnvironment> {
  return {
    trusted_proxies: joinEntries(trustedProxies),
    ...toAllowed(callbackAllow),
    ...(queueNames.length > 0 && { queue_names: queueNames.join(",") }),
    ...(store !== undefined && { function_store: store }),
  };
}

/** Of a function that says nothing itself, the gateway has numbers of its own. */
function toLimitEnvironment(
  { maxInflightPerFunction: calls, maxWaitingPerFunction: waiting }: GatewayArgs,
  { maxInflight, maxWaiting }: GatewaySettings,
): Variables<typeof GatewayEnvironment> {
  return {
    max_inflight: pulumi.interpolate`${maxInflight}`,
    max_waiting: pulumi.interpolate`${maxWaiting}`,
    ...(calls !== undefined && { max_inflight_per_function: pulumi.interpolate`${calls}` }),
    ...(waiting !== undefined && { scale_from_zero_queue: pulumi.interpolate`${waiting}` }),
  };
}

function toOidcEnvironment(oidc: OidcArgs): Variables<typeof GatewayEnvironment> {
  return {
    oidc_issuer: oidc.issuer,
    oidc_audience: oidc.audience,
    ...(oidc.rolesClaim !== undefined && { oidc_roles_claim: oidc.rolesClaim }),
    ...(oidc.rolePrefix !== undefined && { oidc_role_prefix: oidc.rolePrefix }),
  };
}
