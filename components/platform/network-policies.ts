/** Who may talk to whom: nothing is allowed that is not listed here. */
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { DENIAL, PORT, toFunctionAllowance } from "../../services/contract/index.ts";
import type { PlatformContext } from "./context.ts";
import { toMetadata, toSelector } from "./pods.ts";

type Peer = k8s.types.input.networking.v1.NetworkPolicyPeer;

interface Allowance {
  to: string;
  ports: number[];
  /** Components of the platform; empty for everybody, also from outside the cluster. */
  from: string[];
}

const ALLOWANCES: Allowance[] = [
  { to: "gateway", ports: [PORT.gateway], from: [] },
  { to: "gateway", ports: [PORT.gatewayMetrics], from: ["prometheus"] },
  { to: "nats", ports: [PORT.nats], from: ["gateway", "queue-worker"] },
  { to: "prometheus", ports: [PORT.prometheus], from: ["gateway", "operator", "prometheus"] },
  { to: "alertmanager", ports: [PORT.alertmanager], from: ["prometheus"] },
  { to: "queue-worker", ports: [PORT.queueWorkerMetrics], from: ["prometheus"] },
  { to: "operator", ports: [PORT.operatorMetrics], from: ["prometheus"] },
  { to: "node-exporter", ports: [PORT.nodeExporter], from: ["prometheus"] },
];

/**
 * Creates the policies, where the cluster enforces them. The platform's own egress stays open:
 * it needs the API server, which has no pod to select.
 */
export function createNetworkPolicies(context: PlatformContext): void {
  if (!context.capabilities.networkPolicy) return;
  createDenial(context, "platform", context.namespace);
  createDenial(context, "functions", context.functionNamespace);
  ALLOWANCES.forEach((allowance, index) => {
    createAllowance(context, allowance, `${allowance.to}-${index}`);
  });
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

function createAllowance(context: PlatformContext, allowance: Allowance, name: string): void {
  const from: Peer[] = allowance.from.map((component) => ({
    podSelector: { matchLabels: toSelector(component) },
  }));
  new k8s.networking.v1.NetworkPolicy(
    `${context.name}-allow-${name}`,
    {
      metadata: toMetadata("network", context.namespace, `allow-${name}`),
      spec: {
        podSelector: { matchLabels: toSelector(allowance.to) },
        policyTypes: ["Ingress"],
        ingress: [
          {
            ports: allowance.ports.map((port) => ({ port, protocol: "TCP" })),
            ...(from.length > 0 && { from }),
          },
        ],
      },
    },
    context.options,
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
