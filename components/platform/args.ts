/** Arguments of `Platform`, and the same with every default filled in. */
import type * as pulumi from "@pulumi/pulumi";
import type { Cluster } from "../cluster/cluster.ts";
import { ArgumentError } from "../errors.ts";
import type { ContainerSize } from "./pods.ts";

/** How much of a machine the platform takes. */
export const Profile = {
  /** For servers and laptops: days of metrics, room for bursts. */
  Standard: "standard",
  /** For boards with 1 GiB of memory: the same pods, with hours of metrics and smaller limits. */
  Edge: "edge",
} as const;
export type Profile = (typeof Profile)[keyof typeof Profile];

/** Image references, each `name:tag@sha256:…`. */
export interface PlatformImages {
  /** Plonk's gateway. */
  gateway: pulumi.Input<string>;
  /** Plonk's queue-worker. */
  queueWorker: pulumi.Input<string>;
  /** Plonk's operator. */
  operator: pulumi.Input<string>;
  /** The Node runtime that functions with `code` run in. */
  runtime: pulumi.Input<string>;
  /** nats-server as entry point, with JetStream. */
  nats: pulumi.Input<string>;
  /** prometheus as entry point, 3.0 or newer, with discovery by Kubernetes. */
  prometheus: pulumi.Input<string>;
  /** alertmanager as entry point, 0.28 or newer. */
  alertmanager: pulumi.Input<string>;
  /** node_exporter as entry point, 1.9 or newer. */
  nodeExporter: pulumi.Input<string>;
}

/** The gateway. */
export interface GatewayArgs {
  /** Pods. Two or more get a PodDisruptionBudget. @default 1 */
  replicas?: number;
  /**
   * Longest call of a function without the label `plonk/call-timeout`, seconds. The pods of the
   * functions get their time-outs from it, too.
   * @default 60
   */
  timeoutSeconds?: number;
  /** Most calls in flight in a pod of the gateway; more of them are answered 503. @default 1000 */
  maxInflight?: number;
  /**
   * Addresses and ranges (`10.0.0.0/8`) of proxies before the gateway whose X-Forwarded-* headers
   * are believed.
   * @default none
   */
  trustedProxies?: string[];
  /**
   * Sends calls to the functions' Services instead of their pods, for clusters whose service mesh
   * balances them.
   * @default false
   */
  callsServices?: boolean;
}

/** The queue of asynchronous calls. */
export interface QueueArgs {
  /** Pods of the queue-worker. @default 1 */
  replicas?: number;
  /** Calls that one queue-worker makes at once. @default 10 */
  maxInflight?: number;
  /** Time after which an unanswered call is made again, seconds. @default 60 */
  ackWaitSeconds?: number;
  /**
   * Size of the volume that holds queued calls, GiB. It can grow where the volume's class allows
   * that, and never shrinks.
   * @default 1
   */
  volumeGiB?: number;
}

/** Metrics and alerts. */
export interface MetricsArgs {
  /** How long Prometheus keeps samples, hours. @default 360; 6 in the profile `edge` */
  retentionHours?: number;
  /**
   * Size of the volume that holds samples, GiB. It can grow where the volume's class allows that,
   * and never shrinks.
   * @default 5; 1 in the profile `edge`
   */
  volumeGiB?: number;
  /** Time between two scrapes, seconds. @default 5 */
  scrapeIntervalSeconds?: number;
}

/** A user of the gateway besides the administrator. */
export interface PlatformUser {
  /** Name: no colons and no spaces. */
  name: pulumi.Input<string>;
  /** Password. Kept secret, and given to the gateway as a hash only. */
  password: pulumi.Input<string>;
  /** One of `admin`, `deployer`, `reader`, `alertmanager` and `invoke`. */
  role: pulumi.Input<string>;
  /** Where the role holds; `["*"]` for everywhere. @default everywhere; a deployer must say */
  namespaces?: pulumi.Input<pulumi.Input<string>[]>;
}

/** Bearer tokens of an OpenID Connect issuer. */
export interface OidcArgs {
  /** Issuer, as tokens name it in `iss`; `/.well-known/openid-configuration` is below it. */
  issuer: pulumi.Input<string>;
  /** What tokens for this gateway name in `aud`. */
  audience: pulumi.Input<string>;
  /** Claim that lists roles; dots lead into objects (`realm_access.roles`). @default "roles" */
  rolesClaim?: pulumi.Input<string>;
  /** What the values of the claim begin with. @default "plonk:" */
  rolePrefix?: pulumi.Input<string>;
}

/** Arguments of `Platform`. */
export interface PlatformArgs {
  /** The cluster to install on. */
  cluster: Cluster;
  /** References of all images; they must be on the nodes or in a registry that nodes reach. */
  images: PlatformImages;
  /** Password for the gateway's REST API. Kept secret. */
  adminPassword: pulumi.Input<string>;
  /** User name for the gateway's REST API. @default "admin" */
  adminUser?: pulumi.Input<string>;
  /** Users besides the administrator. @default none */
  users?: pulumi.Input<pulumi.Input<PlatformUser>[]>;
  /** Bearer tokens of an OpenID Connect issuer. @default none are taken */
  oidc?: OidcArgs;
  /** How much of a machine the platform takes. @default "standard" */
  profile?: Profile;
  /** The gateway. */
  gateway?: GatewayArgs;
  /** The queue of asynchronous calls. */
  queue?: QueueArgs;
  /** Metrics and alerts. */
  metrics?: MetricsArgs;
  /**
   * Address under which people reach the gateway, without a trailing slash, e.g. of an ingress.
   * @default the LoadBalancer's address, or a node's with port 31112
   */
  gatewayUrl?: pulumi.Input<string>;
  /** Takes over the Function definition of another OpenFaaS on the cluster. @default false */
  adopt?: boolean;
}

/** Memory and processor of each part. */
export interface PlatformSizes {
  gateway: ContainerSize;
  queueWorker: ContainerSize;
  operator: ContainerSize;
  nats: ContainerSize;
  prometheus: ContainerSize;
  alertmanager: ContainerSize;
  nodeExporter: ContainerSize;
}

/** `PlatformArgs` with every default filled in, as the parts of the platform get them. */
export interface PlatformSettings {
  gateway: Required<GatewayArgs>;
  queue: Required<QueueArgs>;
  metrics: Required<MetricsArgs>;
  sizes: PlatformSizes;
}

const STANDARD_SIZES: PlatformSizes = {
  gateway: { requestMiB: 96, limitMiB: 256, cpuMillis: 50 },
  queueWorker: { requestMiB: 64, limitMiB: 192, cpuMillis: 20 },
  operator: { requestMiB: 64, limitMiB: 192, cpuMillis: 20 },
  nats: { requestMiB: 128, limitMiB: 128, cpuMillis: 20 },
  prometheus: { requestMiB: 128, limitMiB: 512, cpuMillis: 50 },
  alertmanager: { requestMiB: 32, limitMiB: 64, cpuMillis: 5 },
  nodeExporter: { requestMiB: 16, limitMiB: 32, cpuMillis: 5 },
};

const EDGE_SIZES: PlatformSizes = {
  ...STANDARD_SIZES,
  gateway: { requestMiB: 64, limitMiB: 160, cpuMillis: 20 },
  queueWorker: { requestMiB: 48, limitMiB: 128, cpuMillis: 10 },
  operator: { requestMiB: 48, limitMiB: 128, cpuMillis: 10 },
  nats: { requestMiB: 64, limitMiB: 64, cpuMillis: 10 },
  prometheus: { requestMiB: 64, limitMiB: 192, cpuMillis: 20 },
};

const GATEWAY: Required<GatewayArgs> = {
  replicas: 1,
  timeoutSeconds: 60,
  maxInflight: 1000,
  trustedProxies: [],
  callsServices: false,
};

/**
 * Fills in the defaults of `args`.
 *
 * @throws ArgumentError for numbers out of range and an unknown profile
 */
export function normalizePlatform(
  args: Pick<PlatformArgs, "profile" | "gateway" | "queue" | "metrics">,
): PlatformSettings {
  const profile = args.profile ?? Profile.Standard;
  if (!Object.values(Profile).includes(profile)) {
    const known = Object.values(Profile).join(", ");
    throw new ArgumentError(`profile: expected one of ${known}, got ${JSON.stringify(profile)}`);
  }
  const isEdge = profile === Profile.Edge;
  const metrics = { retentionHours: isEdge ? 6 : 360, volumeGiB: isEdge ? 1 : 5 };
  const settings = {
    gateway: { ...GATEWAY, ...args.gateway },
    queue: { replicas: 1, maxInflight: 10, ackWaitSeconds: 60, volumeGiB: 1, ...args.queue },
    metrics: { ...metrics, scrapeIntervalSeconds: 5, ...args.metrics },
  };
  requirePositive(settings);
  return { ...settings, sizes: isEdge ? EDGE_SIZES : STANDARD_SIZES };
}

function requirePositive(settings: Record<string, object>): void {
  for (const [group, fields] of Object.entries(settings)) {
    for (const [field, value] of Object.entries(fields) as [string, unknown][]) {
      if (typeof value === "number" && !isPositiveInteger(value)) {
        throw new ArgumentError(`${group}.${field}: expected a whole number from 1, got ${value}`);
      }
    }
  }
}

function isPositiveInteger(value: number): boolean {
  return Number.isInteger(value) && value >= 1;
}
