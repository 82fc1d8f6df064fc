/** Arguments of `Queue`, and the same with every default filled in. */
import type * as pulumi from "@pulumi/pulumi";
import { LONGEST_DRAIN_SECONDS, quote } from "../../contract/index.ts";
import { type ArgumentChecks, ArgumentError } from "../errors.ts";
import {
  checkExisting,
  type ExistingNats,
  NATS,
  refuseBeside,
} from "../kubernetes/existing-servers.ts";
import type { PodOptions } from "../kubernetes/pod-options.ts";
import type { ContainerSize } from "../kubernetes/pods.ts";
import { checkStreams, type QueueStreams } from "../kubernetes/queue-streams.ts";
import {
  checkWorkers,
  normalizeWorkers,
  type QueueWorkers,
  type WorkerCount,
} from "../kubernetes/queue-workers.ts";
import { Profile } from "../kubernetes/settings.ts";
import type { PlaceArgs } from "../kubernetes/workloads.ts";
import { checkNumbers, type NumberRules } from "../numbers.ts";
import { checkCallbacks } from "./callbacks.ts";
import { checkNamedQueues, type NamedQueue } from "./named-queues.ts";

/** When NATS makes the disk write what it has taken. */
export const QueueSync = {
  /** Before it says that it has a call: none is lost when a machine loses its power. */
  Always: "always",
  /** Every two minutes: faster, and the calls of that time go with the power. */
  Interval: "interval",
} as const;
export type QueueSync = (typeof QueueSync)[keyof typeof QueueSync];

/** Callbacks of queued calls. */
export interface QueueCallbacks {
  /**
   * Hosts that they may reach although they are not public: addresses, ranges (`10.0.0.0/8`) and
   * names (`a.example.com`, or `*.example.com` for all below it).
   * @default none
   */
  allow?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Key by which they are signed, so that receivers know whom they are of: 16 bytes or more. Kept
   * secret.
   * @default they are not signed
   */
  signingKey?: pulumi.Input<string>;
  /** Longest attempt to deliver one, seconds. @default 30 */
  timeoutSeconds?: pulumi.Input<number>;
  /** How long a receiver is tried that does not take it, hours. @default 24 */
  retryHours?: pulumi.Input<number>;
}

/** The queue of asynchronous calls, as `Platform` takes it. */
export interface QueueOptions {
  /**
   * Servers of NATS, 1 or 3, and of how many each message is on the disks. Of three, each on a
   * machine of its own, one may be lost with its disk. The number stays that of the NATS which is
   * there. Beside `existing`: on how many of its servers the streams are. It cannot be an output,
   * as each has a volume of its own.
   * @default 1; beside `existing` as it is
   */
  replicas?: number;
  /** How long dead letters are kept, days. @default 30 */
  deadLetterDays?: pulumi.Input<number>;
  /**
   * How long a call is tried that the platform, or a full function, keeps back, hours.
   * @default 24
   */
  retryHours?: pulumi.Input<number>;
  /** How many pods the queue-worker has. @default 1 to 4, by what there is to do */
  workers?: QueueWorkers;
  /**
   * Queues beside the usual one, by name: each has workers of its own for the functions that name
   * it by the annotation `com.openfaas.queue`. What waits in one that is taken out is run by the
   * usual one's workers.
   * @default none
   */
  queues?: Record<string, NamedQueue>;
  /** Calls that one queue-worker makes at once. @default 100 */
  maxInflight?: pulumi.Input<number>;
  /**
   * The same of one function: fewer where it answers that it is busy. A function that has none
   * running gets one beyond `maxInflight`, so that no other one holds it up.
   * @default 10
   */
  maxInflightPerFunction?: pulumi.Input<number>;
  /**
   * Silence of a queue-worker after which its calls are made by another one, seconds. It says that
   * it is there for as long as a call runs.
   * @default 60
   */
  ackWaitSeconds?: pulumi.Input<number>;
  /**
   * The most that a queue-worker which is replaced waits for the calls that it makes, seconds; then
   * another one makes them again, also those that are inside their functions' limits.
   * @default as long as each function's own limit lets its calls run; those without a limit, and
   * what follows a run, have five minutes
   */
  drainSeconds?: pulumi.Input<number>;
  /**
   * Size of the volume that holds queued calls, GiB. It can grow where the volume's class allows
   * that, and never shrinks: less than the volume that is there has is refused.
   * @default 1
   */
  volumeGiB?: pulumi.Input<number>;
  /**
   * StorageClass of the volume. A volume keeps its class: another one is refused while it is there.
   * @default the cluster's
   */
  storageClass?: pulumi.Input<string>;
  /** When the disk of NATS has a call that was taken. @default "always", before it is answered */
  sync?: pulumi.Input<QueueSync>;
  /**
   * Number of the keys by which gateway and queue-worker log in at NATS, and of its certificate,
   * which is good for ten years. Another number makes other ones, and all three start again. It
   * cannot be an output, as Secrets have it in their names.
   * @default 1
   */
  keyRevision?: number;
  /** Callbacks: the results that are sent to where a caller of a queued call wants them. */
  callbacks?: QueueCallbacks;
  /** Pods of the queue-worker. */
  worker?: PodOptions;
  /** The pod of NATS. */
  nats?: PodOptions;
  /**
   * A NATS of somebody else's in the place of the platform's own, of which the options above make
   * none then. A queue that is there is not moved: another address than that of the NATS which has
   * it is refused, unless `discardMessages` says that what waits may be lost.
   * @default none
   */
  existing?: ExistingNats;
  /**
   * Lets the queue go to another NATS, by `existing` or without it any more, though calls,
   * callbacks and dead letters stay behind, and nobody runs them. The preview names both servers.
   * Take it out again after that.
   * @default false
   */
  discardMessages?: boolean;
}

/** Options of a NATS of the platform's own. */
const OWN: readonly (keyof QueueOptions)[] = [
  "volumeGiB",
  "storageClass",
  "sync",
  "keyRevision",
  "nats",
];

const NUMBERS: NumberRules<QueueOptions> = {
  retryHours: {},
  maxInflight: {},
  maxInflightPerFunction: {},
  ackWaitSeconds: {},
  drainSeconds: {},
  volumeGiB: {},
  keyRevision: {},
};

/**
 * Refuses what is wrong as far as it is known, and returns the rest.
 *
 * @param prefix what stands before the names of the fields, e.g. `queue.`
 */
export function checkQueue<T extends QueueOptions>(
  checks: ArgumentChecks,
  options: T,
  prefix = "",
): T {
  const { workers, queues, callbacks, sync, existing } = options;
  const numbers = checkNumbers(checks, { prefix, rules: NUMBERS }, options);
  if (existing !== undefined) {
    refuseBeside(prefix, options, OWN);
    checkExisting(NATS, `${prefix}existing`, existing);
  }
  return {
    ...checkStreams(checks, prefix, numbers),
    ...(sync !== undefined && {
      sync: checks.verify(sync, (known) => checkSync(`${prefix}sync`, known)),
    }),
    ...(workers && { workers: checkWorkers(checks, `${prefix}workers.`, workers) }),
    ...(queues && { queues: checkNamedQueues(checks, prefix, queues) }),
    ...(callbacks && { callbacks: checkCallbacks(checks, `${prefix}callbacks.`, callbacks) }),
  };
}

function checkSync(field: string, sync: QueueSync): QueueSync {
  const known = Object.values(QueueSync);
  if (known.includes(sync)) {
    return sync;
  }
  throw new ArgumentError(`${field}: expected one of ${known.join(", ")}, got ${quote(sync)}`);
}

/** Image references of `Queue`. */
export interface QueueImages {
  /** Plonk's queue-worker. */
  queueWorker: pulumi.Input<string>;
  /** nats-server as entry point, with JetStream. */
  nats: pulumi.Input<string>;
}

/** Arguments of `Queue`. */
export interface QueueArgs extends QueueOptions, PlaceArgs {
  /** References of its images. */
  images: QueueImages;
  /**
   * Host of the gateway that makes the queued calls, on port 8080.
   * @default `gateway` in the part's namespace
   */
  gatewayHost?: pulumi.Input<string>;
}

/** Options with a default. */
type Usual = Required<
  Pick<
    QueueOptions,
    | "replicas"
    | "deadLetterDays"
    | "retryHours"
    | "maxInflight"
    | "maxInflightPerFunction"
    | "ackWaitSeconds"
    | "drainSeconds"
    | "volumeGiB"
    | "sync"
    | "keyRevision"
  >
>;

/** What the parts of `Queue` are made by. */
export interface QueueSettings extends Usual {
  workers: WorkerCount;
  queues: Readonly<Record<string, NamedQueue>>;
  /** What is said of all streams. */
  streams: QueueStreams;
  storageClass: pulumi.Input<string> | undefined;
  /** What the program says of the pods. */
  pods: Pick<QueueOptions, "worker" | "nats">;
  sizes: { queueWorker: ContainerSize; nats: ContainerSize };
  images: QueueImages;
  gatewayHost: pulumi.Input<string>;
  existing: ExistingNats | undefined;
  discardMessages: boolean;
  callbacks: QueueCallbacks;
}

const SIZES: Record<Profile, QueueSettings["sizes"]> = {
  [Profile.Standard]: {
    queueWorker: { requestMiB: 64, limitMiB: 192, cpuMillis: 20 },
    nats: { requestMiB: 128, limitMiB: 768, cpuMillis: 20 },
  },
  [Profile.Edge]: {
    queueWorker: { requestMiB: 48, limitMiB: 128, cpuMillis: 10 },
    nats: { requestMiB: 64, limitMiB: 256, cpuMillis: 10 },
  },
};

const USUAL: Usual = {
  replicas: 1,
  deadLetterDays: 30,
  retryHours: 24,
  maxInflight: 100,
  maxInflightPerFunction: 10,
  ackWaitSeconds: 60,
  drainSeconds: LONGEST_DRAIN_SECONDS,
  volumeGiB: 1,
  sync: QueueSync.Always,
  keyRevision: 1,
};

/** What is said of the streams: where NATS is somebody else's, no more than the program says. */
export function toStreams({ existing, replicas, deadLetterDays }: QueueOptions): QueueStreams {
  const copies = replicas ?? (existing === undefined ? USUAL.replicas : undefined);
  return {
    ...(copies !== undefined && { replicas: copies }),
    ...(deadLetterDays !== undefined && { deadLetterDays }),
  };
}

/** Those of the options with a default that the program gives. */
function pickKnown(args: QueueArgs): Partial<Usual> {
  const given = Object.entries(args).filter(
    ([name, value]) => name in USUAL && value !== undefined,
  );
  return Object.fromEntries(given);
}

/** Fills in the defaults of arguments that are checked. */
export function normalizeQueue(
  args: QueueArgs,
  { profile, gatewayHost }: { profile: Profile; gatewayHost: pulumi.Input<string> },
): QueueSettings {
  const { images, storageClass, worker, nats, existing } = args;
  const { discardMessages = false, callbacks = {}, queues = {} } = args;
  const pods = { ...(worker && { worker }), ...(nats && { nats }) };
  const sizes = SIZES[profile];
  const usual = { ...USUAL, ...pickKnown(args) };
  const servers = { existing, discardMessages, gatewayHost };
  const workers = normalizeWorkers(args.workers, profile);
  const streams = toStreams(args);
  const given = { storageClass, pods, sizes, images, callbacks };
  return { ...usual, ...servers, workers, queues, streams, ...given };
}
