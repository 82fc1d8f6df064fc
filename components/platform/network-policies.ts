/** Who may talk to whom: nothing is allowed that is not listed here. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { DENIAL, PORT, toFunctionAllowance } from "../../services/contract/index.ts";
import type { PlatformContext } from "./context.ts";
import { toMetadata, toSelector } from "./pods.ts";

type Peer = k8s.types.input.networking.v1.NetworkPolicyPeer;

interface Allowance {
  to: string;
  port: number;
  /** Components of the platform; empty for everybody, also from outside the cluster. */
  from: string[];
  /** End of the name that it had when the names were numbers in a list. */
  was: number;
}

const ALLOWANCES: Allowance[] = [
  { to: "gateway", port: PORT.gateway, from: [], was: 0 },
  { to: "gateway", port: PORT.gatewayMetrics, from: ["prometheus"], was: 1 },
  { to: "nats", port: PORT.nats, from: ["gateway", "queue-worker"], was: 2 },
  { to: "prometheus", port: PORT.prometheus, from: ["gateway", "operator", "prometheus"], was: 3 },
  { to: "alertmanager", port: PORT.alertmanager, from: ["prometheus"], was: 4 },
  { to: "queue-worker", port: PORT.queueWorkerMetrics, from: ["prometheus"], was: 5 },
  { to: "operator", port: PORT.operatorMetrics, from: ["prometheus"], was: 6 },
  { to: "node-exporter", port: PORT.nodeExporter, from: ["prometheus"], was: 7 },
];

/**
 * Creates the policies, where the cluster enforces them. The platform's own egress stays open:
 * it needs the API server, which has no pod to select.
 */
export function createNetworkPolicies(context: PlatformContext): void {
  if (!context.capabilities.networkPolicy) return;
  createDenial(context, "platform", context.namespace);
  createDenial(context, "functions", context.functionNamespace);
  for (const allowance of ALLOWANCES) createAllowance(context, allowance);
  createFunctionAllowance(context);
}

function createDenial(
  context: PlatformContext,
  place: string,
  namespace: pulumi.Output<string>,
): void {
  new k8s.networking.v1.NetworkPolicy(
    `${context.name}-${place}-deny`,
    {
      metadata: toMetadata("network", namespace, DENIAL.name),
      spec: DENIAL.spec,
    },
    context.options,
  );
}

/** Named by what it opens, so that a new one in the list renames none of the others. */
function createAllowance(context: PlatformContext, allowance: Allowance): void {
  const { to, port, was } = allowance;
  const name = `${to}-${port}`;
  const from: Peer[] = allowance.from.map((component) => ({
    podSelector: { matchLabels: toSelector(component) },
  }));
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
    pulumi.mergeOptions(context.options, {
      aliases: [{ name: `${context.name}-allow-${to}-${was}` }],
    }),
  );
}

/** The same as the operator makes in other function namespaces. */
function createFunctionAllowance(context: PlatformContext): void {
  const { name, spec } = toFunctionAllowance(
    context.namespace,
    context.capabilities.apiServerNetworks,
  );
  new k8s.networking.v1.NetworkPolicy(
    `${context.name}-allow-functions`,
    { metadata: toMetadata("network", context.functionNamespace, name), spec },
    context.options,
  );
}
