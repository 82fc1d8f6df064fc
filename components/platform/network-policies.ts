/** Who may talk to whom: nothing is allowed that is not listed here. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  DENIAL,
  FUNCTION_POLICY,
  PORT,
  toFunctionPolicies,
  toNamespacePeer,
} from "../../contract/index.ts";
import { toMetadata, toSelector } from "../kubernetes/pods.ts";
import type { PartContext } from "../kubernetes/workloads.ts";

type Peer = k8s.types.input.networking.v1.NetworkPolicyPeer;

interface Allowance {
  to: string;
  port: number;
  /** Components of the platform; empty for everybody, also from outside the cluster. */
  from: string[];
  /** End of the name that it had when the names were numbers in a list; newer ones had none. */
  was?: number;
}

/** From each server of NATS to the others. */
const ROUTES: Allowance = { to: "nats", port: PORT.natsCluster, from: ["nats"] };

/** Of servers that may be somebody else's, those in other namespaces need nothing here. */
const ALLOWANCES: Allowance[] = [
  { to: "gateway", port: PORT.gateway, from: [], was: 0 },
  { to: "gateway", port: PORT.gatewayMetrics, from: ["prometheus"], was: 1 },
  { to: "nats", port: PORT.nats, from: ["gateway", "queue-worker"], was: 2 },
  ROUTES,
  { to: "prometheus", port: PORT.prometheus, from: ["gateway", "operator", "prometheus"], was: 3 },
  { to: "alertmanager", port: PORT.alertmanager, from: ["prometheus"], was: 4 },
  { to: "queue-worker", port: PORT.queueWorkerMetrics, from: ["prometheus"], was: 5 },
  { to: "operator", port: PORT.operatorMetrics, from: ["prometheus"], was: 6 },
  { to: "node-exporter", port: PORT.nodeExporter, from: ["prometheus"], was: 7 },
];

/** Where those are that the policies are about. */
export interface Traffic {
  functionNamespace: pulumi.Output<string>;
  /** Namespace of a Prometheus of somebody else's; undefined: the platform has its own. */
  metricsNamespace: pulumi.Output<string> | undefined;
  /** Whether NATS is the platform's own. */
  hasNats: boolean;
  /** Whether that is a cluster. */
  hasRoutes: boolean;
  /** Queues beside the usual one, each with workers of its own. */
  queueNames: readonly string[];
}

/**
 * Creates the policies, where the cluster enforces them. The platform's own egress stays open:
 * it needs the API server, which has no pod to select.
 */
export function createNetworkPolicies(context: PartContext, traffic: Traffic): void {
  if (!context.cluster.capabilities.networkPolicy) {
    return;
  }
  createPolicy(context, "platform-deny", { namespace: context.namespace, policy: DENIAL });
  const { functionNamespace, metricsNamespace, hasNats, hasRoutes } = traffic;
  const absent = [...(hasNats ? [] : ["nats"]), ...(metricsNamespace ? OWN_METRICS : [])];
  for (const allowance of [...ALLOWANCES.map(addQueues(traffic)), ...toWorkers(traffic)]) {
    if (absent.includes(allowance.to) || (allowance.port === ROUTES.port && !hasRoutes)) {
      continue;
    }
    createAllowance(context, allowance, metricsNamespace);
  }
  // The same as the operator makes in other function namespaces.
  const { namespace: platformNamespace, cluster } = context;
  const denied = cluster.capabilities.apiServerNetworks;
  for (const policy of toFunctionPolicies({ platformNamespace, metricsNamespace, denied })) {
    createPolicy(context, FUNCTION_NAMES[policy.name] ?? policy.name, {
      namespace: functionNamespace,
      policy,
    });
  }
}

/** Workers of other queues go where those of the usual one go. */
function addQueues({ queueNames }: Traffic): (allowance: Allowance) => Allowance {
  const workers = queueNames.map((name) => `queue-worker-${name}`);
  return (allowance) =>
    allowance.from.includes("queue-worker")
      ? { ...allowance, from: [...allowance.from, ...workers] }
      : allowance;
}

function toWorkers({ queueNames }: Traffic): Allowance[] {
  return queueNames.map((name) => ({
    ...{ to: `queue-worker-${name}`, port: PORT.queueWorkerMetrics, from: ["prometheus"] },
  }));
}

/** What there is of the platform with a Prometheus of its own only. */
const OWN_METRICS = ["prometheus", "node-exporter"];

/** Logical names of the policies of functions. */
const FUNCTION_NAMES: Record<string, string> = {
  [FUNCTION_POLICY.denial]: "functions-deny",
  [FUNCTION_POLICY.ingress]: "allow-functions",
  [FUNCTION_POLICY.egress]: "allow-functions-out",
};

interface Policy {
  name: string;
  spec: pulumi.Input<k8s.types.input.networking.v1.NetworkPolicySpec>;
}

function createPolicy(
  context: PartContext,
  name: string,
  { namespace, policy }: { namespace: pulumi.Output<string>; policy: Policy },
): void {
  new k8s.networking.v1.NetworkPolicy(
    `${context.name}-${name}`,
    { metadata: toMetadata("network", namespace, policy.name), spec: policy.spec },
    context.options,
  );
}

/** Named by what it opens, so that a new one in the list renames none of the others. */
function createAllowance(
  context: PartContext,
  allowance: Allowance,
  metricsNamespace: pulumi.Output<string> | undefined,
): void {
  const { to, port, was } = allowance;
  const name = `${to}-${port}`;
  const from = allowance.from.map((component): Peer =>
    component === "prometheus" && metricsNamespace !== undefined
      ? toNamespacePeer(metricsNamespace)
      : { podSelector: { matchLabels: toSelector(component) } },
  );
  new k8s.networking.v1.NetworkPolicy(
    `${context.name}-allow-${name}`,
    {
      metadata: toMetadata("network", context.namespace, `allow-${name}`),
      spec: {
        podSelector: { matchLabels: toSelector(to) },
        policyTypes: ["Ingress"],
        ingress: [
          {
            ports: [{ port, protocol: "TCP" }],
            ...(from.length > 0 && { from }),
          },
        ],
      },
    },
    was === undefined
      ? context.options
      : pulumi.mergeOptions(context.options, {
          aliases: [{ name: `${context.name}-allow-${to}-${was}` }],
        }),
  );
}
