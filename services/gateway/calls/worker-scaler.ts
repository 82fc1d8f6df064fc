/**
 * Gives the queue the workers that it needs. Every gateway does so, without a word to the others:
 * each looks at the queue and at the Deployment, and a change that another one has made meanwhile
 * is a conflict, after which it looks again. What cannot be read changes nothing.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isKubernetesStatus } from "../../lib/kubernetes.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import type { Scale, WorkerDeployment } from "../cluster/worker-deployment.ts";
import {
  decideWorkers,
  type QueueFacts,
  type ScaleMemory,
  type WorkerRules,
} from "./worker-scale.ts";
import type { WorkerScaleMetrics } from "./worker-scale-metrics.ts";

/** How often the queue is looked at, milliseconds. */
const LOOK_MS = 1000;

/** The same where calls come while there is no worker, milliseconds. */
const LEAST_MS = 50;

/** How long the Deployment is taken to be as it was, milliseconds. */
const FRESH_MS = 10_000;

export interface WorkerScalerOptions {
  facts: { read(): Promise<QueueFacts> };
  deployment: Pick<WorkerDeployment, "read" | "write">;
  rules: WorkerRules;
  metrics: WorkerScaleMetrics;
  logger: Logger;
  /** Of a clock that never goes back, milliseconds. @default that of `performance` */
  now?: () => number;
}

export class WorkerScaler {
  readonly #options: WorkerScalerOptions;
  readonly #now: () => number;
  readonly #stopping = new AbortController();
  #sleeping = new AbortController();
  #memory: ScaleMemory | undefined;
  #known: (Scale & { at: number }) | undefined;
  #isAwaited = false;
  #running: Promise<void> | undefined;
  /** Why the last look failed: told once. */
  #reason: string | undefined;

  constructor(options: WorkerScalerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Looks each second from now on. */
  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#sleeping.abort();
    await this.#running;
  }

  /** A call has been queued: where there may be no worker, its start does not wait for a look. */
  wake(): void {
    const isGone = this.#known === undefined || this.#known.replicas === 0;
    if (isGone && this.#reason === undefined) {
      this.#isAwaited = true;
      this.#sleeping.abort();
    }
  }

  /** Looks once; never rejects. */
  async look(): Promise<void> {
    const { logger, metrics, facts } = this.#options;
    try {
      await this.#scale(await facts.read());
      this.#reason = undefined;
    } catch (error) {
      this.#known = undefined;
      if (isKubernetesStatus(error, 409)) {
        return;
      }
      // What was quiet before may not have been so since.
      this.#memory = undefined;
      metrics.failed();
      const reason = messageOf(error);
      logger[reason === this.#reason ? "debug" : "warn"]({ reason }, "queue-workers not scaled");
      this.#reason = reason;
    }
  }

  async #scale(facts: QueueFacts): Promise<void> {
    const { deployment, metrics, logger } = this.#options;
    const isFresh = this.#known !== undefined && this.#now() - this.#known.at < FRESH_MS;
    const before = isFresh ? this.#known : await this.#read();
    const decided = before && this.#decide(before, facts);
    if (before === undefined || decided === undefined) {
      return;
    }
    metrics.saw(facts, { workers: before.replicas, wanted: decided });
    if (decided === before.replicas) {
      return;
    }
    const scale = isFresh ? await this.#read() : before;
    const workers = this.#decide(scale, facts);
    if (workers !== scale.replicas) {
      const written = await deployment.write({ ...scale, replicas: workers });
      this.#known = { ...written, at: this.#now() };
      metrics.scaled(scale.replicas, workers);
      logger.info({ from: scale.replicas, to: workers, ...facts }, "queue-workers scaled");
    }
  }

  async #read(): Promise<Scale> {
    const scale = await this.#options.deployment.read();
    this.#known = { ...scale, at: this.#now() };
    return scale;
  }

  #decide({ replicas }: Scale, facts: QueueFacts): number {
    const seen = { now: this.#now(), workers: replicas, facts };
    const { workers, memory } = decideWorkers(this.#memory, seen, this.#options.rules);
    this.#memory = memory;
    return workers;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#isAwaited = false;
      await this.look();
      await this.#pause(LEAST_MS, signal);
      this.#sleeping = new AbortController();
      if (!this.#hasToLook()) {
        await this.#pause(LOOK_MS - LEAST_MS, this.#sleeping.signal);
      }
    }
  }

  #hasToLook(): boolean {
    return this.#isAwaited || this.#stopping.signal.aborted;
  }

  async #pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    await sleep(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
