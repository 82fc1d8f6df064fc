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
import { type Logger, messageOf } from "../../lib/logger.ts";
import type { FunctionWatch } from "../cluster/functions.ts";
import { desiredReplicas } from "../cluster/scaling.ts";
import { type Failure, failures } from "../errors.ts";
import type { Endpoints } from "../upstream/endpoints.ts";

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
  scale: (reference: FunctionReference, replicas: number) => Promise<void>;
  logger: Logger;
}

type Settle = (failure: Failure | undefined) => void;

interface Queue {
  reference: FunctionReference;
  waiting: Set<Settle>;
  isScaling: boolean;
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
   * Resolves with undefined as soon as the function has a ready pod, or with the reason why it
   * will not have one in time.
   */
  wait(reference: FunctionReference, signal: AbortSignal): Promise<Failure | undefined> {
    const { config } = this.#options;
    const key = toKey(reference);
    const queue = this.#queues.get(key) ?? { reference, waiting: new Set(), isScaling: false };
    // An abort that has been is not told again: it would be waited for to the end of the time.
    if (config === undefined || signal.aborted) {
      return Promise.resolve(failures.noEndpoints(toDisplayName(reference)));
    }
    const resource = this.#options.functions.get(key);
    const own = readCount(resource?.spec.annotations?.[ANNOTATION.maxWaiting]);
    if (queue.waiting.size >= (own ?? config.queueLength)) {
      return Promise.resolve(failures.queueFull(toDisplayName(reference)));
    }
    this.#queues.set(key, queue);
    return new Promise((resolve) => {
      const settle: Settle = (failure) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", giveUp);
        queue.waiting.delete(settle);
        if (queue.waiting.size === 0) {
          this.#queues.delete(key);
        }
        resolve(failure);
      };
      const giveUp = (): void => settle(failures.noEndpoints(toDisplayName(reference)));
      const timer = setTimeout(giveUp, config.timeoutMs);
      signal.addEventListener("abort", giveUp);
      queue.waiting.add(settle);
      this.#look(key);
    });
  }

  #wake(key: string): void {
    const queue = this.#queues.get(key);
    if (queue !== undefined && this.#options.endpoints.has(key)) {
      settleAll(queue, undefined);
    }
  }

  /** Asks for replicas where somebody waits and there are none. */
  #look(key: string): void {
    const queue = this.#queues.get(key);
    if (queue === undefined) {
      return;
    }
    const resource = this.#options.functions.get(key);
    if (resource === undefined) {
      settleAll(queue, failures.functionNotFound(toDisplayName(queue.reference)));
    } else if (desiredReplicas(resource) === 0 && !queue.isScaling) {
      void this.#scale(queue, resource);
    }
  }

  async #scale(queue: Queue, resource: FunctionResource): Promise<void> {
    const { scale, logger } = this.#options;
    const replicas = Math.max(1, scaleLimits(resource).min);
    const functionName = toDisplayName(queue.reference);
    queue.isScaling = true;
    try {
      logger.info({ functionName, replicas }, "scaling from zero");
      await scale(queue.reference, replicas);
    } catch (error) {
      logger.error({ functionName, err: error }, "scaling from zero failed");
      settleAll(queue, failures.scalingFailed(functionName, messageOf(error)));
    } finally {
      queue.isScaling = false;
    }
  }
}

function settleAll(queue: Queue, failure: Failure | undefined): void {
  for (const settle of [...queue.waiting]) {
    settle(failure);
  }
}
