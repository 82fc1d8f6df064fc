/** Who may talk to whom: nothing is allowed that is not listed here. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  DEFAULT_DENY,
  FUNCTION_POLICY,
  type FunctionPolicy,
  PORT,
  toFunctionPolicies,
  toNamespacePeer,
} from "../../contract/index.ts";
import { toMetadata, toSelector } from "../kubernetes/pods.ts";
import type { PartContext } from "../kubernetes/workloads.ts";

type Peer = k8s.types.input.networking.v1.NetworkPolicyPeer;

interface AllowRule {
  to: string;
  port: number;
  /** Components of the platform; empty for everybody, also from outside the cluster. */
  from: string[];
  /** End of the name that it had when the names were numbers in a list; newer ones had none. */
  was?: number;
}

/** From each server of NATS to the others. */
const ROUTES: AllowRule = { to: "nats", port: PORT.natsCluster, from: ["nats"] };

/** Of servers that may be somebody else's, those in other namespaces need nothing here. */
const ALLOW_RULES: AllowRule[] = [
  { to: "gateway", port: PORT.gateway, from: [], was: 0 },
  { to: "gateway", port: PORT.gatewayMetrics, from: ["operator", "prometheus"], was: 1 },
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
  createPolicy(context, "platform-deny", { namespace: context.namespace, policy: DEFAULT_DENY });
  const { functionNamespace, metricsNamespace, hasNats, hasRoutes } = traffic;
  const absent = [...(hasNats ? [] : ["nats"]), ...(metricsNamespace ? OWN_METRICS : [])];
  for (const rule of [...ALLOW_RULES.map(addQueues(traffic)), ...toWorkers(traffic)]) {
    if (absent.includes(rule.to) || (rule.port === ROUTES.port && !hasRoutes)) {
      continue;
    }
    createAllowRule(context, rule, metricsNamespace);
  }
  // The same as the operator makes in other function namespaces.
  const { namespace: platformNamespace, cluster } = context;
  const denied = pulumi.output(cluster.capabilities.apiServerNetworks);
  const toPolicies = (networks: string[]): FunctionPolicy<pulumi.Output<string>>[] =>
    toFunctionPolicies({ platformNamespace, metricsNamespace, denied: networks });
  toPolicies([]).forEach(({ name, spec: usual }, index) => {
    const spec = denied.apply((networks) => toPolicies(networks)[index]?.spec ?? usual);
    const policy = { name, spec };
    createPolicy(context, FUNCTION_NAMES[name] ?? name, { namespace: functionNamespace, policy });
  });
}

/** Workers of other queues go where those of the usual one go. */
function addQueues({ queueNames }: Traffic): (rule: AllowRule) => AllowRule {
  const workers = queueNames.map((name) => `queue-worker-${name}`);
  return (rule) =>
    rule.from.includes("queue-worker") ? { ...rule, from: [...rule.from, ...workers] } : rule;
}

function toWorkers({ queueNames }: Traffic): AllowRule[] {
  return queueNames.map((name) => ({
    ...{ to: `queue-worker-${name}`, port: PORT.queueWorkerMetrics, from: ["prometheus"] },
  }));
}

/** What there is of the platform with a Prometheus of its own only. */
const OWN_METRICS = ["prometheus", "node-exporter"];

/** Logical names of the policies of functions. */
const FUNCTION_NAMES: Record<string, string> = {
  [FUNCTION_POLICY.deny]: "functions-deny",
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
function createAllowRule(
  context: PartContext,
  rule: AllowRule,
  metricsNamespace: pulumi.Output<string> | undefined,
): void {
  const { to, port, was } = rule;
  const name = `${to}-${port}`;
  const from = rule.from.map((component): Peer =>
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
