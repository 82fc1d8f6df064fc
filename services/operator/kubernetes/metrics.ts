/** The operator's metrics: reconciliations and queues by controller, drift, and who leads. */
import { Counter, Gauge, Histogram, type Registry } from "../../lib/metrics.ts";

export interface ReconcileMetrics {
  /** Counts a reconciliation. */
  observe(controller: string, run: { seconds: number; isSuccess: boolean }): void;
}

/** Seconds: most reconciliations change nothing, and take well below a millisecond. */
const BUCKETS = [
  ...[0.0001, 0.0002, 0.0005, 0.001, 0.002],
  ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

export function createReconcileMetrics(registry: Registry): ReconcileMetrics {
  const registers = [registry];
  const total = new Counter({
    name: "operator_reconcile_total",
    help: "Reconciliations by controller and result.",
    labelNames: ["controller", "result"],
    registers,
  });
  const duration = new Histogram({
    name: "operator_reconcile_duration_seconds",
    help: "Duration of reconciliations by controller.",
    labelNames: ["controller"],
    buckets: BUCKETS,
    registers,
  });
  return {
    observe: (controller, { seconds, isSuccess }) => {
      total.inc({ controller, result: isSuccess ? "success" : "error" });
      duration.observe({ controller }, seconds);
    },
  };
}

const DRIFT = "operator_drift_total";

/** What others wrote into objects of the operator's, by kind: taken back, or left. One for all. */
export function createDriftCounter(registry: Registry): Counter<"kind" | "result"> {
  const known = registry.getSingleMetric(DRIFT);
  if (known instanceof Counter) {
    return known;
  }
  return new Counter({
    name: DRIFT,
    help: "Changes by others in what the operator owns, by kind of object and result.",
    labelNames: ["kind", "result"],
    registers: [registry],
  });
}

/** What gauges read at each scrape. */
export interface GaugeSources {
  /** Keys that wait, by controller. */
  depths(): Iterable<[controller: string, depth: number]>;
  isLeading(): boolean;
}

export function createGauges(registry: Registry, sources: GaugeSources): void {
  const registers = [registry];
  new Gauge({
    name: "operator_workqueue_depth",
    help: "Keys that wait to be reconciled, by controller.",
    labelNames: ["controller"],
    registers,
    collect() {
      for (const [controller, depth] of sources.depths()) {
        this.set({ controller }, depth);
      }
    },
  });
  new Gauge({
    name: "operator_leader",
    help: "1 if this instance leads, otherwise 0.",
    registers,
    collect() {
      this.set(Number(sources.isLeading()));
    },
  });
}
