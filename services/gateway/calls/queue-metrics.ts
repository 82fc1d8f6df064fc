/** What becomes of asynchronous calls at the gateway. */
import { Counter, Histogram, type Registry } from "../../lib/metrics.ts";

export class QueueMetrics {
  readonly #accepted: Counter<"function_name" | "repeated">;
  readonly #refused: Counter<"function_name" | "code">;
  readonly #seconds: Histogram<"function_name">;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#accepted = new Counter({
      name: "gateway_queue_accepted_total",
      help: "Calls that were answered 202; repeated: by an Idempotency-Key that was known.",
      labelNames: ["function_name", "repeated"],
      registers,
    });
    this.#refused = new Counter({
      name: "gateway_queue_refused_total",
      help: "Calls that were not queued, by the code of the failure.",
      labelNames: ["function_name", "code"],
      registers,
    });
    this.#seconds = new Histogram({
      name: "gateway_queue_accept_seconds",
      help: "Time until a call was stored, in seconds.",
      labelNames: ["function_name"],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      registers,
    });
  }

  accepted(
    functionName: string,
    { isRepeated, seconds }: { isRepeated: boolean; seconds: number },
  ): void {
    this.#accepted.inc({ function_name: functionName, repeated: String(isRepeated) });
    this.#seconds.observe({ function_name: functionName }, seconds);
  }

  /** @param functionName undefined: there is no such function, whose name could be anything */
  refused(functionName: string | undefined, code: string): void {
    this.#refused.inc({ function_name: functionName ?? "", code });
  }
}
