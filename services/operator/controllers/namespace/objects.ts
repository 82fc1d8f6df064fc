/** What the operator makes in each namespace of functions: rights, and isolation. */
import {
  FUNCTION_ROLE,
  type FunctionPolicy,
  type FunctionTraffic,
  toFunctionPolicies,
} from "../../../../contract/index.ts";

/** An object of the operator's, of which it owns all but other labels and annotations. */
export interface OwnObject {
  group: string;
  plural: string;
  apiVersion: string;
  kind: "RoleBinding" | "NetworkPolicy";
  name: string;
  /** Its fields beside the metadata. */
  content: Readonly<Record<string, unknown>>;
}

export interface OwnObjectsOptions {
  platformNamespace: string;
  /** Whether the cluster enforces NetworkPolicies; without that none are made. */
  hasNetworkPolicies: boolean;
  /** Namespace of the Prometheus that watches functions; undefined: the platform's own does. */
  metricsNamespace?: string | undefined;
  /** Networks that functions may not reach, in CIDR notation. */
  deniedEgress: readonly string[];
}

const RBAC = "rbac.authorization.k8s.io";
const NETWORKING = "networking.k8s.io";

/** In the order in which they are made: the right to make policies comes with a binding. */
export function toOwnObjects(options: OwnObjectsOptions): OwnObject[] {
  const { platformNamespace, metricsNamespace, deniedEgress, hasNetworkPolicies } = options;
  const traffic = { platformNamespace, metricsNamespace, denied: deniedEgress };
  return [
    toBinding("gateway", platformNamespace),
    toBinding("operator", platformNamespace),
    ...(hasNetworkPolicies ? toPolicies(traffic) : []),
  ];
}

function toBinding(account: keyof typeof FUNCTION_ROLE, namespace: string): OwnObject {
  const name = FUNCTION_ROLE[account];
  return {
    group: RBAC,
    plural: "rolebindings",
    apiVersion: `${RBAC}/v1`,
    kind: "RoleBinding",
    name,
    content: {
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name: account, namespace }],
    },
  };
}

function toPolicies(traffic: FunctionTraffic<string>): OwnObject[] {
  return toFunctionPolicies(traffic).map(({ name, spec }: FunctionPolicy<string>) => ({
    group: NETWORKING,
    plural: "networkpolicies",
    apiVersion: `${NETWORKING}/v1`,
    kind: "NetworkPolicy",
    name,
    content: { spec },
  }));
}
