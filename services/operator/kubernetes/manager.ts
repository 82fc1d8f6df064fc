/** Runs controllers: informers fill their work queues, which are open while this instance leads. */
import { type Logger, messageOf } from "../../lib/logger.ts";
import type { Registry } from "../../lib/metrics.ts";
import type { Controller } from "./controller.ts";
import type { Leadership } from "./leader-election.ts";
import { createGauges, createReconcileMetrics, type ReconcileMetrics } from "./metrics.ts";
import { WorkQueue } from "./work-queue.ts";

/** What the manager needs of the informers. */
export interface InformerLifecycle {
  /** Resolves when the copies are complete. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined;
}

export interface ManagerOptions {
  informers: InformerLifecycle;
  controllers: readonly Controller[];
  election: Leadership;
  logger: Logger;
  registry: Registry;
}

/**
 * How long reconciliations that run are waited for, milliseconds. One may hang in a request, which
 * is cut with the lead. One that is not given back leaves nobody for 15 s.
 */
const DRAIN_MS = 4000;

interface Work {
  controller: Controller;
  queue: WorkQueue;
}

export class Manager {
  readonly #options: ManagerOptions;
  readonly #metrics: ReconcileMetrics;
  readonly #work: readonly Work[];

  constructor(options: ManagerOptions) {
    this.#options = options;
    const { controllers, election, registry } = options;
    this.#metrics = createReconcileMetrics(registry);
    this.#work = controllers.map((controller) => this.#createWork(controller));
    election.on("lead", () => this.#onLead());
    election.on("lose", () => this.#onLose());
    createGauges(registry, {
      depths: () => this.#work.map(({ controller, queue }) => [controller.name, queue.depth]),
      isLeading: () => this.isLeading,
    });
  }

  /** Fills the informers, then stands for election; resolves when the copies are complete. */
  async start(): Promise<void> {
    await this.#options.informers.start();
    this.#options.election.start();
  }

  /** Waits a while for the reconciliations that run, then gives the lead to another instance. */
  async stop(): Promise<void> {
    const limit = Promise.withResolvers();
    const timer = setTimeout(limit.resolve, DRAIN_MS);
    const closed = Promise.all(this.#work.map(({ queue }) => queue.close()));
    await Promise.race([closed, limit.promise]);
    clearTimeout(timer);
    this.#clear();
    // Whatever becomes of that, the lead is to be given back.
    await Promise.allSettled(this.#work.map(async ({ controller }) => controller.close?.()));
    await this.#options.election.stop();
    await this.#options.informers.stop();
  }

  /** Whether this instance is the one that writes. */
  get isLeading(): boolean {
    return this.#options.election.isLeading;
  }

  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined {
    return this.#options.informers.problem();
  }

  #createWork(controller: Controller): Work {
    const { logger } = this.#options;
    const { name } = controller;
    const queue = new WorkQueue({
      handler: (key) => controller.reconcile(key),
      onRun: ({ key, seconds, error }) => {
        this.#metrics.observe(name, { seconds, isSuccess: error === undefined });
        if (error !== undefined) {
          const reason = messageOf(error);
          logger.warn({ controller: name, key, reason }, "not reconciled, trying again");
        }
      },
    });
    for (const trigger of controller.informers) {
      trigger((key) => queue.add(key));
    }
    return { controller, queue };
  }

  #onLead(): void {
    for (const { controller, queue } of this.#work) {
      for (const key of controller.keys()) {
        queue.add(key);
      }
      queue.open();
    }
  }

  #onLose(): void {
    for (const { queue } of this.#work) {
      void queue.close();
    }
    this.#clear();
  }

  #clear(): void {
    for (const { queue } of this.#work) {
      queue.clear();
    }
  }
}
