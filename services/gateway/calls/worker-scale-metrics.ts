/** What the gateway knows of the queue-workers that it scales. */
import { Counter, Gauge, type Registry } from "../../lib/metrics.ts";
import type { QueueFacts } from "./worker-scale.ts";

export class WorkerScaleMetrics {
  readonly #workers: Gauge<"which">;
  readonly #calls: Gauge<"state">;
  readonly #oldest: Gauge;
  readonly #scalings: Counter<"direction">;
  readonly #failures: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#workers = new Gauge({
      name: "gateway_queue_workers",
      help: "Queue-workers: those that there shall be now, and those that are wanted.",
      labelNames: ["which"],
      registers,
    });
    this.#calls = new Gauge({
      name: "gateway_queue_calls",
      help: "Calls and callbacks: those that no worker has been given, and those that run.",
      labelNames: ["state"],
      registers,
    });
    this.#oldest = new Gauge({
      name: "gateway_queue_oldest_waiting_seconds",
      help: "How long the oldest call waits that no worker has been given; 0: there is none.",
      registers,
    });
    this.#scalings = new Counter({
      name: "gateway_queue_worker_scalings_total",
      help: "Changes of the number of queue-workers.",
      labelNames: ["direction"],
      registers,
    });
    this.#failures = new Counter({
      name: "gateway_queue_worker_scaling_failures_total",
      help: "Looks at the queue or the Deployment of its workers that failed, one a second.",
      registers,
    });
  }

  saw(facts: QueueFacts, { workers, wanted }: { workers: number; wanted: number }): void {
    this.#workers.set({ which: "there" }, workers);
    this.#workers.set({ which: "wanted" }, wanted);
    this.#calls.set({ state: "waiting" }, facts.waiting);
    this.#calls.set({ state: "running" }, facts.running);
    this.#oldest.set(facts.oldestWaitMs / 1000);
  }

  scaled(from: number, to: number): void {
    this.#scalings.inc({ direction: to > from ? "up" : "down" });
  }

  failed(): void {
    this.#failures.inc();
  }
}
