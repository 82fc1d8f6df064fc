/** Namespaces that hold functions: how they are told from others, and what each of them has. */
import { type Static, Type } from "typebox";
import { ANNOTATION, PORT } from "./names.ts";
import { NamespaceName } from "./syntax.ts";

const StringMap = Type.Record(Type.String(), Type.String());

/** Body of POST and PUT `/system/namespace`, and answer of GET. */
export const FunctionNamespace = Type.Object(
  {
    name: NamespaceName,
    labels: Type.Optional(StringMap),
    annotations: Type.Optional(StringMap),
  },
  { title: "FunctionNamespace" },
);
export type FunctionNamespace = Static<typeof FunctionNamespace>;

/** The part of a Namespace's metadata that says what it is. */
export interface NamespaceMetadata {
  name: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  deletionTimestamp?: string;
}

/** The two namespaces that every platform has. */
export interface PlatformNamespaces {
  functionNamespace: string;
  platformNamespace: string;
}

/** Annotation by which the operator says that a namespace has all that functions need there. */
export const PREPARED = "plonk/prepared";

/** ClusterRoles that hold in function namespaces only, each bound there under its own name. */
export const FUNCTION_ROLE = {
  gateway: "plonk-gateway-functions",
  operator: "plonk-operator-functions",
} as const;

/** Labels that put a namespace under the `restricted` Pod Security Standard. */
export const POD_SECURITY: Readonly<Record<string, string>> = {
  "pod-security.kubernetes.io/enforce": "restricted",
  "pod-security.kubernetes.io/warn": "restricted",
  "pod-security.kubernetes.io/audit": "restricted",
};

/** Whether the namespace is marked `openfaas: "1"`, by annotation or label. */
export function isMarked({ labels, annotations }: Partial<NamespaceMetadata>): boolean {
  const mark = ANNOTATION.functionNamespace;
  return annotations?.[mark] === "1" || labels?.[mark] === "1";
}

/**
 * Whether functions may live in a namespace: the platform's own function namespace always, others
 * by their mark until they are deleted, and never the platform's or Kubernetes' own.
 */
export function isFunctionNamespace(
  metadata: NamespaceMetadata,
  { functionNamespace, platformNamespace }: PlatformNamespaces,
): boolean {
  const { name, deletionTimestamp } = metadata;
  if (name === functionNamespace) {
    return true;
  }
  const isReserved = name === platformNamespace || name.startsWith("kube-");
  return !isReserved && deletionTimestamp === undefined && isMarked(metadata);
}

/** The two labels that select the pods of a part of the platform; they never change. */
export function toSelector(component: string): Record<string, string> {
  return { "app.kubernetes.io/name": component, "app.kubernetes.io/instance": "plonk" };
}

/** Nobody may call any pod, where no other policy allows it. */
export const DEFAULT_DENY = {
  name: "default-deny",
  spec: { podSelector: {}, policyTypes: ["Ingress"] },
};

/** Pods of a part of the platform, or all of a namespace, seen from another one. */
interface Peer<T> {
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": T } };
  podSelector?: { matchLabels: Record<string, string> };
}

/** All pods of a namespace, for a policy of another one. */
export function toNamespacePeer<T>(namespace: T): Peer<T> {
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } };
}

/** A NetworkPolicy in a function namespace; `T` is a string, or a Pulumi output of one. */
export interface FunctionPolicy<T> {
  name: string;
  spec: { podSelector: object; policyTypes: string[]; ingress?: Ingress<T>[]; egress?: Egress[] };
}

interface Ingress<T> {
  ports: { port: number; protocol: string }[];
  from: Peer<T>[];
}

interface Egress {
  to: { ipBlock: { cidr: string; except: string[] } }[];
}

/** Where clouds answer with credentials of the machine (RFC 3927, and AWS' IPv6 address). */
const METADATA = { v4: "169.254.0.0/16", v6: "fd00:ec2::254/128" };

/** Names of the policies of a function namespace. */
export const FUNCTION_POLICY = {
  deny: DEFAULT_DENY.name,
  ingress: "allow-platform",
  egress: "allow-egress",
} as const;

/** From where functions are called, and what they may not call. */
export interface FunctionTraffic<T> {
  platformNamespace: T;
  /** Namespace whose pods watch functions; undefined: the platform's own Prometheus does. */
  metricsNamespace?: T | undefined;
  /** Networks in CIDR notation: the API server's, which has no pods to select. */
  denied: readonly string[];
}

/**
 * The policies of a function namespace: its pods are called by the gateway and watched by
 * Prometheus, and by nobody else. They may call everything but metadata services and `denied`. What
 * of the platform they may call, its own policies say.
 *
 * Each direction has a policy of its own: kube-router, which enforces them in k3s, takes what one
 * policy for both lets out for let in as well, between pods that it selects.
 */
export function toFunctionPolicies<T>(traffic: FunctionTraffic<T>): FunctionPolicy<T>[] {
  const { platformNamespace, metricsNamespace, denied } = traffic;
  const allow = (port: number, peer: Peer<T>): Ingress<T> => ({
    ports: [{ port, protocol: "TCP" }],
    from: [peer],
  });
  const toPeer = (component: string): Peer<T> => ({
    ...toNamespacePeer(platformNamespace),
    podSelector: { matchLabels: toSelector(component) },
  });
  const watcher =
    metricsNamespace === undefined ? toPeer("prometheus") : toNamespacePeer(metricsNamespace);
  const toBlock = (cidr: string, own: string, isV6: boolean): Egress["to"][number] => ({
    ipBlock: { cidr, except: [own, ...denied.filter((each) => each.includes(":") === isV6)] },
  });
  return [
    { name: FUNCTION_POLICY.deny, spec: DEFAULT_DENY.spec },
    {
      name: FUNCTION_POLICY.ingress,
      spec: {
        podSelector: {},
        policyTypes: ["Ingress"],
        ingress: [allow(PORT.function, toPeer("gateway")), allow(PORT.functionMetrics, watcher)],
      },
    },
    {
      name: FUNCTION_POLICY.egress,
      spec: {
        podSelector: {},
        policyTypes: ["Egress"],
        egress: [
          {
            to: [toBlock("0.0.0.0/0", METADATA.v4, false), toBlock("::/0", METADATA.v6, true)],
          },
        ],
      },
    },
  ];
}
