/** The queue-worker's metrics, by OpenFaaS' names. */
import { Counter, Gauge, Histogram, type Registry } from "../lib/metrics.ts";

export class WorkerMetrics {
  readonly #processed: Counter<"function_name" | "code">;
  readonly #retries: Counter<"function_name">;
  readonly #malformed: Counter;
  readonly #callbacks: Counter<"code">;
  readonly #inFlight: Gauge<"function_name">;
  readonly #seconds: Histogram<"function_name">;
  readonly #pending: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#processed = new Counter({
      name: "queue_worker_messages_processed_total",
      help: "Messages that are done with, by the status of the last attempt.",
      labelNames: ["function_name", "code"],
      registers,
    });
    this.#retries = new Counter({
      name: "queue_worker_messages_retried_total",
      help: "Attempts after which a message went back to the queue.",
      labelNames: ["function_name"],
      registers,
    });
    this.#malformed = new Counter({
      name: "queue_worker_messages_malformed_total",
      help: "Messages that were no call and have been thrown away.",
      registers,
    });
    this.#callbacks = new Counter({
      name: "queue_worker_callbacks_total",
      help: "Callbacks by their last status; 0 means that nobody answered.",
      labelNames: ["code"],
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
      help: "Duration of calls in seconds.",
      labelNames: ["function_name"],
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300],
      registers,
    });
    this.#pending = new Gauge({
      name: "queue_worker_pending_messages",
      help: "Messages that wait in the queue, as of the last delivery.",
      registers,
    });
  }

  /** A call begins; `pending` messages are still waiting behind it. */
  begin(functionName: string, pending: number): void {
    this.#inFlight.inc({ function_name: functionName });
    this.#pending.set(pending);
  }

  end(functionName: string, seconds: number): void {
    this.#inFlight.dec({ function_name: functionName });
    this.#seconds.observe({ function_name: functionName }, seconds);
  }

  processed(functionName: string, status: number): void {
    this.#processed.inc({ function_name: functionName, code: String(status) });
  }

  retried(functionName: string): void {
    this.#retries.inc({ function_name: functionName });
  }

  malformed(): void {
    this.#malformed.inc();
  }

  calledBack(status: number): void {
    this.#callbacks.inc({ code: String(status) });
  }
}
