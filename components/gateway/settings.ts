/** Arguments of `Gateway`, and the same with every default filled in. */
import type * as pulumi from "@pulumi/pulumi";
import { findRangeMistake } from "../../contract/address-range.ts";
import { findStoreMistake, quote } from "../../contract/index.ts";
import { type ArgumentChecks, ArgumentError } from "../errors.ts";
import { checkHosts } from "../kubernetes/callback-hosts.ts";
import {
  checkExisting,
  type ExistingNats,
  type ExistingPrometheus,
  NATS,
  PROMETHEUS,
} from "../kubernetes/existing-servers.ts";
import type { PodOptions } from "../kubernetes/pod-options.ts";
import type { ContainerSize } from "../kubernetes/pods.ts";
import { checkStreams, type QueueStreams } from "../kubernetes/queue-streams.ts";
import {
  checkWorkers,
  isScaled,
  normalizeWorkers,
  type QueueWorkers,
  type WorkerCount,
} from "../kubernetes/queue-workers.ts";
import type { ServerLogin } from "../kubernetes/server-access.ts";
import { CALL_TIMEOUT_SECONDS, Profile } from "../kubernetes/settings.ts";
import type { PlaceArgs } from "../kubernetes/workloads.ts";
import { checkEntries } from "../lists.ts";
import { checkNumbers, type NumberRules } from "../numbers.ts";

/** The gateway, as `Platform` takes it. */
export interface GatewayOptions {
  /** Pods. Two or more get a PodDisruptionBudget: it cannot be an output. @default 1 */
  replicas?: number;
  /**
   * Longest call of a function without the label `plonk/call-timeout`, seconds. The pods of the
   * functions get their time-outs from it, too.
   * @default 60
   */
  timeoutSeconds?: pulumi.Input<number>;
  /**
   * Most calls in flight in a pod of the gateway, and most upgraded connections; one more is
   * answered 503. One function gets at most three times what is left for all others.
   * @default 1000
   */
  maxInflight?: pulumi.Input<number>;
  /**
   * Most calls in flight, waiting calls and upgraded connections of one function without the label
   * `plonk/max-inflight`, in a pod of the gateway; one more is answered 429.
   * @default no limit
   */
  maxInflightPerFunction?: pulumi.Input<number>;
  /**
   * Most calls in a pod of the gateway that wait for a pod of their function, which are counted
   * apart; one more is answered 503. One function gets at most three times what is left for others.
   * @default 1000
   */
  maxWaiting?: pulumi.Input<number>;
  /**
   * The same of one function without the annotation `plonk/max-waiting`.
   * @default 1000
   */
  maxWaitingPerFunction?: pulumi.Input<number>;
  /**
   * Addresses and ranges (`10.0.0.0/8`) of proxies before the gateway whose X-Forwarded-* headers
   * are believed.
   * @default none
   */
  trustedProxies?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Sends calls to the functions' Services instead of their pods, for clusters whose service mesh
   * balances them.
   * @default false
   */
  callsServices?: pulumi.Input<boolean>;
  /**
   * Number of the key by which gateways know queued calls of private functions again. The next
   * number makes another one, and calls that were accepted under the one before are still run, so
   * that any other number is refused. Raised again within 14 days, private calls that have waited
   * since before the first time become dead letters: so a key that has become known is worthless.
   * It cannot be an output, as Secrets have it in their names.
   * @default 1
   */
  queueKeyRevision?: number;
  /**
   * Where the function store at `/store` is from: `own` for the functions that the runtime image
   * brings along, the https URL of another store document, without credentials and query, or `off`.
   * Whoever reaches the gateway may read it.
   * @default "own"
   */
  store?: pulumi.Input<string>;
  /** Its pods. */
  pod?: PodOptions;
  /**
   * Port of each node at which the gateway answers, of those that the cluster gives to NodePorts.
   * @default 31112; with a load balancer any
   */
  nodePort?: pulumi.Input<number>;
  /**
   * An Ingress to the gateway. The Service to the outside stays beside it, and `trustedProxies` may
   * name the controller.
   * @default none
   */
  ingress?: GatewayIngress;
}

/** An Ingress to the gateway, for the controller that the cluster has. */
export interface GatewayIngress {
  /** Name by which people reach the gateway, which has to lead to the controller. */
  host: pulumi.Input<string>;
  /** Class, and so the controller. @default the cluster's */
  className?: pulumi.Input<string>;
  /** Secret of the gateway's namespace with the host's certificate. @default none, plain HTTP */
  tlsSecretName?: pulumi.Input<string>;
  /**
   * Annotations, most of which are settings of the controller. Pulumi does not wait for an address
   * of the Ingress, as not all controllers say one, unless `pulumi.com/skipAwait` is "false".
   * @default none
   */
  annotations?: pulumi.Input<Record<string, pulumi.Input<string>>>;
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

/** Image references of `Gateway`. */
export interface GatewayImages {
  /** Plonk's gateway. */
  gateway: pulumi.Input<string>;
  /** The Node runtime that functions with `code` run in. */
  runtime: pulumi.Input<string>;
}

/** Who may use the gateway, and where people reach it. */
export interface GatewayAccess {
  /** Password for the gateway's REST API. Kept secret. */
  adminPassword: pulumi.Input<string>;
  /** User name for the gateway's REST API. @default "admin" */
  adminUser?: pulumi.Input<string>;
  /** Users besides the administrator. @default none */
  users?: pulumi.Input<pulumi.Input<PlatformUser>[]>;
  /** Bearer tokens of an OpenID Connect issuer. @default none are taken */
  oidc?: OidcArgs;
  /**
   * Address under which people reach the gateway, without a trailing slash.
   * @default the Ingress' host, the LoadBalancer's address, or a node's with the node port
   */
  gatewayUrl?: pulumi.Input<string>;
}

/** Arguments of `Gateway`. */
export interface GatewayArgs extends GatewayOptions, GatewayAccess, PlaceArgs {
  /** A NATS of somebody else's. @default that of `natsLogin` */
  nats?: ExistingNats;
  /**
   * The NATS of a `Queue`: its `natsUrl` and its `gatewaySecretName`.
   * @default `nats` in the part's namespace, without TLS and without a login
   */
  natsLogin?: ServerLogin;
  /**
   * Hosts that callbacks may name although they are not public: `allow` of the queue's callbacks.
   * @default none
   */
  callbackAllow?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * `workers` of the queue: the gateway changes their number. A Deployment `queue-worker` has to be
   * in the part's namespace.
   * @default it does not
   */
  queueWorkers?: QueueWorkers;
  /** `replicas` and `deadLetterDays` of the queue, whose streams the gateway makes, too. */
  queueStreams?: QueueStreams;
  /** Names of the queues beside the usual one, `queues` of the queue. @default none */
  queueNames?: string[];
  /** The Prometheus that counts calls. @default `prometheus` in the part's namespace */
  prometheus?: ExistingPrometheus;
  /** References of its images. */
  images: GatewayImages;
  /** Namespace of the functions; it has to be there, and so has the Function definition. */
  functionNamespace: pulumi.Input<string>;
}

type Usual = Pick<GatewayOptions, Numbers | "callsServices">;

type Numbers = "replicas" | "timeoutSeconds" | "maxInflight" | "maxWaiting" | "queueKeyRevision";

/** What the parts of `Gateway` are made by. */
export interface GatewaySettings extends Required<Usual> {
  /** Undefined: it does not see to how many queue-workers there are. */
  queueWorkers: WorkerCount | undefined;
  size: ContainerSize;
}

const SIZES: Record<Profile, ContainerSize> = {
  [Profile.Standard]: { requestMiB: 96, limitMiB: 256, cpuMillis: 50 },
  [Profile.Edge]: { requestMiB: 64, limitMiB: 160, cpuMillis: 20 },
};

const DEFAULTS: Required<Usual> = {
  replicas: 1,
  timeoutSeconds: CALL_TIMEOUT_SECONDS,
  maxInflight: 1000,
  maxWaiting: 1000,
  queueKeyRevision: 1,
  callsServices: false,
};

const NUMBERS: NumberRules<GatewayOptions> = {
  replicas: {},
  timeoutSeconds: {},
  maxInflight: {},
  maxInflightPerFunction: {},
  maxWaiting: {},
  maxWaitingPerFunction: {},
  queueKeyRevision: {},
  nodePort: { most: 65_535 },
};

/**
 * Refuses what is wrong as far as it is known, and returns the rest.
 *
 * @param prefix what stands before the names of the fields, e.g. `gateway.`
 */
export function checkGatewayOptions<T extends GatewayOptions>(
  checks: ArgumentChecks,
  options: T,
  prefix = "",
): T {
  const { trustedProxies: proxies, callsServices, store } = options;
  const place = { field: `${prefix}trustedProxies`, find: findRangeMistake };
  return {
    ...checkNumbers(checks, { prefix, rules: NUMBERS }, options),
    ...(callsServices !== undefined && {
      callsServices: checks.verify(callsServices, (known) =>
        checkBoolean(`${prefix}callsServices`, known),
      ),
    }),
    ...(proxies && { trustedProxies: checkEntries(checks, place, proxies) }),
    ...(store !== undefined && {
      store: checks.verify(store, (known) => checkStore(`${prefix}store`, known)),
    }),
  };
}

/** The same of all arguments. */
export function checkGateway(checks: ArgumentChecks, args: GatewayArgs): GatewayArgs {
  const { queueWorkers: workers, queueStreams: streams, callbackAllow: hosts } = args;
  checkExisting(NATS, "nats", args.nats);
  checkExisting(PROMETHEUS, "prometheus", args.prometheus);
  return {
    ...checkGatewayOptions(checks, args),
    ...(hosts && { callbackAllow: checkHosts(checks, "callbackAllow", hosts) }),
    ...(workers && { queueWorkers: checkWorkers(checks, "queueWorkers.", workers) }),
    ...(streams && { queueStreams: checkStreams(checks, "queueStreams.", streams) }),
  };
}

function checkBoolean(field: string, value: unknown): boolean {
  if (typeof value === "boolean") {
    return value;
  }
  throw new ArgumentError(`${field}: expected true or false, got ${quote(value)}`);
}

function checkStore(field: string, value: string): string {
  const mistake = findStoreMistake(value);
  if (mistake === undefined) {
    return value;
  }
  throw new ArgumentError(`${field}: ${mistake}`);
}

/** Fills in the defaults of arguments that are checked. */
export function normalizeGateway(args: GatewayArgs, profile: Profile): GatewaySettings {
  const { replicas, timeoutSeconds, maxInflight, maxWaiting, queueKeyRevision, callsServices } = {
    ...DEFAULTS,
    ...args,
  };
  const numbers = { replicas, timeoutSeconds, maxInflight, maxWaiting, queueKeyRevision };
  const queueWorkers = args.queueWorkers && toScaled(normalizeWorkers(args.queueWorkers, profile));
  return { ...numbers, callsServices, queueWorkers, size: SIZES[profile] };
}

/** Workers of a fixed number are no business of the gateway's. */
function toScaled(count: WorkerCount): WorkerCount | undefined {
  return isScaled(count) ? count : undefined;
}
