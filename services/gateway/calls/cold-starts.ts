/** Calls of functions without a ready pod: one scale request each, and a bounded queue. */
import {
  ANNOTATION,
  type FunctionReference,
  type FunctionResource,
  readCount,
  scaleLimits,
  toDisplayName,
  toKey,
} from "../../../contract/index.ts";
import { backoffMs, type BackoffOptions } from "../../lib/backoff.ts";
import { endByFault, guard } from "../../lib/faults.ts";
import { KubernetesError } from "../../lib/kubernetes.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import { MAX_TIMER_MS } from "../../lib/timer.ts";
import type { FunctionWatch } from "../cluster/functions.ts";
import { desiredReplicas, type ScaleTarget } from "../cluster/scaling.ts";
import { type Failure, failures } from "../errors.ts";
import type { Endpoints } from "../upstream/endpoints.ts";
import type { Place } from "./admission.ts";

export interface ColdStartConfig {
  /** Longest wait of a call for a ready pod, milliseconds. */
  timeoutMs: number;
  /** Most calls that wait for a function whose annotation does not say how many. */
  queueLength: number;
}

export interface ColdStartOptions {
  /** Undefined: nobody waits and nothing is scaled. */
  config: ColdStartConfig | undefined;
  functions: FunctionWatch;
  endpoints: Endpoints;
  scale: (target: ScaleTarget, replicas: number) => Promise<void>;
  logger: Logger;
}

/** Waits before replicas are asked for again: calls wait meanwhile. */
const BACKOFF: BackoffOptions = { initialMs: 100, maxMs: 2000 };

/** Calls that go first to pods that have just come, by which they warm up; then twice as many. */
const FIRST_CALLS = 16;

/** Time between one step and the next, milliseconds. */
const STEP_MS = 20;

type Settle = (failure: Failure | undefined) => void;

interface Queue {
  reference: FunctionReference;
  /** With the places that they have given up. */
  waiting: Map<Settle, Place>;
  isScaling: boolean;
  /** Calls that go at the next step; the timer of that. */
  step: number;
  stepping?: NodeJS.Timeout | undefined;
}

export class ColdStarts {
  readonly #options: ColdStartOptions;
  readonly #queues = new Map<string, Queue>();

  constructor(options: ColdStartOptions) {
    this.#options = options;
    options.endpoints.on("change", (key) => this.#wake(key));
    options.functions.on("change", ({ key }) => this.#look(key));
  }

  /**
   * Resolves with undefined as soon as the function has a ready pod and it is the call's turn, or
   * with the reason why that will not be in time. The first pods get few calls first, then more and
   * more; no more than they take, where the function's `max_inflight` says how many, and than there
   * are places for.
   */
  wait(
    reference: FunctionReference,
    signal: AbortSignal,
    place: Place,
  ): Promise<Failure | undefined> {
    const { config } = this.#options;
    const key = toKey(reference);
    const queue = this.#queues.get(key) ?? createQueue(reference);
    // An abort that has been is not told again: it would be waited for to the end of the time.
    if (config === undefined || signal.aborted) {
      return Promise.resolve(failures.noEndpoints(toDisplayName(reference)));
    }
    const resource = this.#options.functions.get(key);
    const own = readCount(resource?.spec.annotations?.[ANNOTATION.maxWaiting]);
    if (queue.waiting.size >= (own ?? config.queueLength)) {
      return Promise.resolve(failures.queueFull(toDisplayName(reference)));
    }
    const refusal = place.wait();
    if (refusal !== undefined) {
      return Promise.resolve(refusal);
    }
    this.#queues.set(key, queue);
    return new Promise((resolve) => {
      const settle: Settle = (failure) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", giveUp);
        queue.waiting.delete(settle);
        if (queue.waiting.size === 0) {
          clearTimeout(queue.stepping);
          this.#queues.delete(key);
        }
        resolve(failure);
      };
      const giveUp = guard(() => settle(failures.noEndpoints(toDisplayName(reference))));
      const timer = setTimeout(giveUp, Math.min(config.timeoutMs, MAX_TIMER_MS));
      signal.addEventListener("abort", giveUp);
      queue.waiting.set(settle, place);
      this.#look(key);
    });
  }

  #wake(key: string): void {
    const queue = this.#queues.get(key);
    if (queue === undefined || queue.stepping !== undefined) {
      return;
    }
    if (this.#options.endpoints.has(key)) {
      this.#step(queue);
    } else {
      queue.step = FIRST_CALLS;
    }
  }

  /** Lets those go who have waited longest, as many as pods take now, and the rest later. */
  #step(queue: Queue): void {
    const key = toKey(queue.reference);
    let left = Math.min(queue.step, this.#countFree(key));
    // Calls and upgrades have places of their own: those of one kind do not wait for the other's.
    for (const [settle, place] of [...queue.waiting]) {
      if (left <= 0) {
        break;
      }
      if (place.goOn()) {
        settle(undefined);
        left -= 1;
      }
    }
    queue.step *= 2;
    if (queue.waiting.size > 0) {
      const next = guard(() => {
        queue.stepping = undefined;
        this.#wake(key);
      });
      queue.stepping = setTimeout(next, STEP_MS);
    }
  }

  /** Calls that a function's pods would not refuse. */
  #countFree(key: string): number {
    const { functions, endpoints } = this.#options;
    const each = readCount(functions.get(key)?.spec.environment?.["max_inflight"]) ?? 0;
    const { pods, inFlight } = endpoints.load(key);
    return each === 0 ? Infinity : Math.max(0, each * pods - inFlight);
  }

  /** Asks for replicas where somebody waits and there are none. */
  #look(key: string): void {
    const queue = this.#queues.get(key);
    if (queue === undefined) {
      return;
    }
    if (this.#options.functions.get(key) === undefined) {
      settleAll(queue, failures.functionNotFound(toDisplayName(queue.reference)));
    } else if (this.#findIdle(queue) !== undefined && !queue.isScaling) {
      this.#scale(queue).catch((error: unknown) => {
        endByFault(error, () => settleAll(queue, failures.internal()));
      });
    }
  }

  /** The function, as long as somebody waits for it and it has no replicas. */
  #findIdle({ reference, waiting }: Queue): FunctionResource | undefined {
    const resource = this.#options.functions.get(toKey(reference));
    const isIdle = resource !== undefined && desiredReplicas(resource) === 0;
    return isIdle && waiting.size > 0 ? resource : undefined;
  }

  /** Asks until it is done, refused, or not needed any more. */
  async #scale(queue: Queue): Promise<void> {
    queue.isScaling = true;
    try {
      let attempt = 0;
      for (let idle = this.#findIdle(queue); idle !== undefined; idle = this.#findIdle(queue)) {
        if (await this.#attempt(queue, idle, attempt)) {
          break;
        }
        const waitMs = backoffMs(attempt++, BACKOFF);
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    } finally {
      queue.isScaling = false;
    }
  }

  /** Asks for replicas. Returns false where it makes sense to ask again. */
  async #attempt(queue: Queue, resource: FunctionResource, attempt: number): Promise<boolean> {
    const { scale, logger } = this.#options;
    const { resourceVersion } = resource.metadata;
    const replicas = Math.max(1, scaleLimits(resource).min);
    const functionName = toDisplayName(queue.reference);
    try {
      if (attempt === 0) {
        logger.info({ functionName, replicas }, "scaling from zero");
      }
      await scale({ ...queue.reference, resourceVersion }, replicas);
      return true;
    } catch (error) {
      if (isPassing(error)) {
        logger.warn({ functionName, reason: messageOf(error) }, "scaling from zero, trying again");
        return false;
      }
      logger.error({ functionName, err: error }, "scaling from zero failed");
      settleAll(queue, failures.scalingFailed(functionName, messageOf(error)));
      return true;
    }
  }
}

function createQueue(reference: FunctionReference): Queue {
  return { reference, waiting: new Map(), isScaling: false, step: FIRST_CALLS };
}

/** Whether the next attempt may succeed: nobody answered, or not now, or not to what was read. */
function isPassing(error: unknown): boolean {
  const status = error instanceof KubernetesError ? error.status : 503;
  return status >= 500 || status === 429 || status === 409;
}

function settleAll(queue: Queue, failure: Failure | undefined): void {
  for (const settle of [...queue.waiting.keys()]) {
    settle(failure);
  }
}
