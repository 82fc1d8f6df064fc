/** The gateway's metrics, by OpenFaaS' names. */
import { METRIC } from "../contract/index.ts";
import { Counter, Gauge, Histogram, type Registry } from "../lib/metrics.ts";
import type { FunctionWatch } from "./functions.ts";
import { desiredReplicas } from "./scaling.ts";

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The counters of one function. */
export interface FunctionMetrics {
  /** Counts a call that begins. */
  start(): void;
  /** Counts a call that has ended. */
  end(status: number, seconds: number): void;
}

export class GatewayMetrics {
  readonly #total: Counter<"code" | "function_name">;
  readonly #seconds: Histogram<"code" | "function_name">;
  readonly #started: Counter<"function_name">;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#total = new Counter({
      name: METRIC.invocations,
      help: "Ended function calls.",
      labelNames: ["code", "function_name"],
      registers,
    });
    this.#seconds = new Histogram({
      name: METRIC.seconds,
      help: "Duration of function calls in seconds.",
      labelNames: ["code", "function_name"],
      buckets: BUCKETS,
      registers,
    });
    this.#started = new Counter({
      name: METRIC.started,
      help: "Begun function calls.",
      labelNames: ["function_name"],
      registers,
    });
  }

  /** Counts a call that begins; `function` is `name.namespace`. */
  start(functionName: string): void {
    this.forFunction(functionName).start();
  }

  /** Counts a call that has ended. */
  end(functionName: string, status: number, seconds: number): void {
    this.forFunction(functionName).end(status, seconds);
  }

  /** What counts the calls of one function, `name.namespace`. */
  forFunction(functionName: string): FunctionMetrics {
    return {
      start: () => this.#started.inc({ function_name: functionName }),
      end: (status, seconds) => {
        const labels = { code: String(status), function_name: functionName };
        this.#total.inc(labels);
        this.#seconds.observe(labels, seconds);
      },
    };
  }
}

/** Shows each function's desired replicas, taken from the watch when the metrics are read. */
export function registerServiceCount(registry: Registry, functions: FunctionWatch): void {
  new Gauge({
    name: METRIC.serviceCount,
    help: "Desired replicas of a function.",
    labelNames: ["function_name"],
    registers: [registry],
    collect(): void {
      this.reset();
      for (const resource of functions.values()) {
        const { name, namespace } = resource.metadata;
        this.set({ function_name: `${name}.${namespace}` }, desiredReplicas(resource));
      }
    },
  });
}
