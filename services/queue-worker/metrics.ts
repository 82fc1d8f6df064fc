/** The queue-worker's metrics, by OpenFaaS' names where it has them. */
import type { LetterKind } from "../../contract/queue/index.ts";
import { Counter, Gauge, Histogram, registerSamples, type Registry } from "../lib/metrics.ts";
import type { RetryReason } from "./settle.ts";

/** What the stream holds, as of the last look at it. */
export interface QueueDepths {
  /** Messages by function, `name.namespace`. */
  byFunction: ReadonlyMap<string, number>;
  /** When the oldest call was stored; undefined: there is none. */
  oldestAt: Date | undefined;
  callbacks: number;
}

const SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1200];

export class WorkerMetrics {
  readonly #processed: Counter<"function_name" | "code">;
  readonly #retries: Counter<"function_name" | "reason">;
  readonly #dead: Counter<"function_name" | "kind">;
  readonly #callbacks: Counter<"function_name" | "code">;
  readonly #results: Counter<"function_name" | "outcome">;
  readonly #inFlight: Gauge<"function_name">;
  readonly #seconds: Histogram<"function_name">;
  readonly #waits: Histogram<"function_name">;
  #depths: QueueDepths = { byFunction: new Map(), oldestAt: undefined, callbacks: 0 };

  constructor(registry: Registry) {
    const registers = [registry];
    this.#processed = new Counter({
      name: "queue_worker_messages_processed_total",
      help: "Calls that are done with or dead, by the status of the last run; 0: no answer.",
      labelNames: ["function_name", "code"],
      registers,
    });
    this.#retries = new Counter({
      name: "queue_worker_messages_retried_total",
      help: "Runs after which a call went back to the queue, and why.",
      labelNames: ["function_name", "reason"],
      registers,
    });
    this.#dead = new Counter({
      name: "queue_worker_dead_letters_total",
      help: "Messages that no worker tries any more: calls, callbacks, and what was neither.",
      labelNames: ["function_name", "kind"],
      registers,
    });
    this.#callbacks = new Counter({
      name: "queue_worker_callbacks_total",
      help: "Attempts at callbacks by their status; 0 means that nobody answered.",
      labelNames: ["function_name", "code"],
      registers,
    });
    this.#results = new Counter({
      name: "queue_worker_results_total",
      help: "Results that callers asked for, kept or lost.",
      labelNames: ["function_name", "outcome"],
      registers,
    });
    this.#inFlight = new Gauge({
      name: "queue_worker_function_invocation_inflight",
      help: "Calls that are being made.",
      labelNames: ["function_name"],
      registers,
    });
    this.#seconds = new Histogram({
      name: "queue_worker_function_seconds",
      help: "Duration of runs in seconds.",
      labelNames: ["function_name"],
      buckets: SECONDS,
      registers,
    });
    this.#waits = new Histogram({
      name: "queue_worker_wait_seconds",
      help: "Time from a call's acceptance, or from when it was due, until a run, in seconds.",
      labelNames: ["function_name"],
      buckets: SECONDS,
      registers,
    });
    this.#registerDepths(registry);
  }

  #registerDepths(registry: Registry): void {
    registerSamples(registry, {
      name: "queue_worker_pending_messages",
      help: "Calls that are not done with, those that run included.",
      type: "gauge",
      collect: () =>
        Array.from(this.#depths.byFunction, ([function_name, value]) => ({
          labels: { function_name },
          value,
        })),
    });
    registerSamples(registry, {
      name: "queue_worker_oldest_message_seconds",
      help: "Age of the oldest call that is not done with, delayed ones included; 0: there is none.",
      type: "gauge",
      collect: () => {
        const { oldestAt } = this.#depths;
        const value = oldestAt === undefined ? 0 : (Date.now() - oldestAt.getTime()) / 1000;
        return [{ labels: {}, value }];
      },
    });
    registerSamples(registry, {
      name: "queue_worker_pending_callbacks",
      help: "Callbacks that are not done with.",
      type: "gauge",
      collect: () => [{ labels: {}, value: this.#depths.callbacks }],
    });
  }

  /** The stream was looked at. */
  saw(depths: Partial<QueueDepths>): void {
    this.#depths = { ...this.#depths, ...depths };
  }

  /** A run begins. @param waitSeconds since it was accepted, or due */
  begin(functionName: string, waitSeconds: number): void {
    this.#inFlight.inc({ function_name: functionName });
    this.#waits.observe({ function_name: functionName }, Math.max(0, waitSeconds));
  }

  end(functionName: string, seconds: number): void {
    this.#inFlight.dec({ function_name: functionName });
    this.#seconds.observe({ function_name: functionName }, seconds);
  }

  processed(functionName: string, status: number): void {
    this.#processed.inc({ function_name: functionName, code: String(status) });
  }

  retried(functionName: string, reason: RetryReason): void {
    this.#retries.inc({ function_name: functionName, reason });
  }

  buried(functionName: string, kind: LetterKind): void {
    this.#dead.inc({ function_name: functionName, kind });
  }

  /** @param isKept false: there was no room for it, or nobody to take it */
  kept(functionName: string, isKept: boolean): void {
    this.#results.inc({ function_name: functionName, outcome: isKept ? "kept" : "lost" });
  }

  calledBack(functionName: string, status: number): void {
    this.#callbacks.inc({ function_name: functionName, code: String(status) });
  }
}
