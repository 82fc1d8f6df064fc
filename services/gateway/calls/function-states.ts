/** What a call needs to know of its function, worked out when that changes, not for each call. */
import {
  type CallTimeouts,
  callTimeouts,
  type FunctionReference,
  type FunctionResource,
  LABEL,
  readAsyncOrigins,
  readCount,
  splitName,
  toDisplayName,
  toKey,
} from "../../../contract/index.ts";
import { readRetryPolicy, type RetryPolicy, toQueueName } from "../../../contract/queue/index.ts";
import { isPrivate } from "../auth/call-guard.ts";
import type { FunctionWatch } from "../cluster/functions.ts";
import { type Failure, failures } from "../errors.ts";
import type { FunctionMetrics, GatewayMetrics } from "../metrics.ts";

/** One function; the same object for as long as the function exists. */
export interface FunctionState {
  readonly reference: FunctionReference;
  /** `namespace/name`. */
  readonly key: string;
  /** `name.namespace`. */
  readonly displayName: string;
  readonly metrics: FunctionMetrics;
  resource: FunctionResource;
  /** Whether callers have to say who they are. */
  isPrivate: boolean;
  timeouts: CallTimeouts;
  /** What it says of repetitions of its queued calls. */
  retry: Partial<RetryPolicy>;
  /** Queue of its asynchronous calls. */
  queue: string;
  /** Origins of pages that may call it asynchronously; undefined: of none. */
  asyncOrigins: readonly string[] | undefined;
  /** Most calls in flight, waiting calls and upgraded connections together; 0 is no limit. */
  maxInflight: number;
  /** Calls that have come in and have not ended, but for those that wait for a pod. */
  inFlight: number;
  /** Calls, and connections that have asked to be upgraded, that wait for a pod. */
  waiting: number;
  /** Connections that are upgraded, or that have asked to be. */
  upgraded: number;
  /** Bytes of bodies that are held in memory. */
  heldBytes: number;
  /** When something of it ended, or stopped waiting, last; milliseconds of the process. */
  lastLeftAt: number;
}

/** What its resource says. */
type Derived = Pick<
  FunctionState,
  "resource" | "isPrivate" | "timeouts" | "retry" | "queue" | "asyncOrigins" | "maxInflight"
>;

export interface FunctionStatesOptions {
  functions: FunctionWatch;
  /** Where a function without a namespace in its name is. */
  functionNamespace: string;
  metrics: GatewayMetrics;
  timeouts: CallTimeouts;
  maxInflightPerFunction: number;
  /** Queues beside the usual one. */
  queueNames: readonly string[];
}

export class FunctionStates {
  readonly #options: FunctionStatesOptions;
  /** Only functions that have been called, by each spelling that was used: `f`, `f.namespace`. */
  readonly #bySegment = new Map<string, FunctionState>();

  constructor(options: FunctionStatesOptions) {
    this.#options = options;
    options.functions.on("change", ({ key, current }) => {
      if (current === undefined) {
        this.#spellings(key).forEach((spelling) => this.#bySegment.delete(spelling));
      }
    });
  }

  /** The function that a URL's segment names; undefined where there is none. */
  find(segment: string): FunctionState | undefined {
    const state = this.#bySegment.get(segment);
    if (state === undefined) {
      return this.#learn(segment);
    }
    const resource = this.#options.functions.get(state.key);
    if (resource !== undefined && resource !== state.resource) {
      Object.assign(state, this.#derive(resource));
    }
    return resource === undefined ? undefined : state;
  }

  /** Those that were called, each once. */
  called(): Set<FunctionState> {
    return new Set(this.#bySegment.values());
  }

  /** Why there is no such function: it does not exist, or nobody knows yet. */
  explain(segment: string): Failure {
    return this.#options.functions.hasSynced
      ? failures.functionNotFound(
          toDisplayName(splitName(segment, this.#options.functionNamespace)),
        )
      : failures.starting();
  }

  #learn(segment: string): FunctionState | undefined {
    const { functions, functionNamespace, metrics } = this.#options;
    const reference = splitName(segment, functionNamespace);
    const key = toKey(reference);
    const resource = functions.get(key);
    if (resource === undefined) {
      return undefined;
    }
    const displayName = toDisplayName(reference);
    const known = this.#spellings(key).map((spelling) => this.#bySegment.get(spelling));
    const state: FunctionState = known.find((other) => other !== undefined) ?? {
      reference,
      key,
      displayName,
      metrics: metrics.forFunction(displayName),
      inFlight: 0,
      waiting: 0,
      upgraded: 0,
      heldBytes: 0,
      lastLeftAt: performance.now(),
      ...this.#derive(resource),
    };
    this.#bySegment.set(segment, state);
    return state;
  }

  #derive(resource: FunctionResource): Derived {
    const { timeouts, maxInflightPerFunction, queueNames } = this.#options;
    const maxInflight =
      readCount(resource.spec.labels?.[LABEL.maxInflight]) ?? maxInflightPerFunction;
    return {
      resource,
      isPrivate: isPrivate(resource),
      timeouts: callTimeouts(resource.spec, timeouts),
      retry: readRetryPolicy(resource.spec.annotations),
      queue: toQueueName(resource.spec.annotations, queueNames),
      asyncOrigins: readAsyncOrigins(resource.spec.annotations),
      maxInflight,
    };
  }

  /** The segments that may name a function. */
  #spellings(key: string): string[] {
    const [namespace = "", name = ""] = key.split("/");
    const full = `${name}.${namespace}`;
    return namespace === this.#options.functionNamespace ? [full, name] : [full];
  }
}
