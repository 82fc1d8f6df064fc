/** Metrics of the decisions: what was seen, what was wanted, and what was changed and why. */
import { registerSamples, type Registry, type Sample } from "../../../lib/metrics.ts";
import type { Decision, Load, ScaleReason, ScaleRules } from "./decide.ts";

interface Seen {
  loads: readonly Load[];
  rules: ScaleRules;
  decision: Decision;
}

/** How long what was seen last is shown, milliseconds. */
const CURRENT_MS = 10_000;

export class AutoscalerMetrics {
  /** By `name.namespace`. */
  readonly #seen = new Map<string, Seen>();
  readonly #decisions = new Map<string, Map<ScaleReason, number>>();
  readonly #now: () => number;
  #sawAt = -Infinity;

  constructor(registry: Registry, now: () => number) {
    this.#now = now;
    registerSamples(registry, {
      name: "operator_scale_load",
      help: "Load of all pods of a function by signal, as its scaling sees it.",
      type: "gauge",
      collect: () => this.#collectLoads(),
    });
    registerSamples(registry, {
      name: "operator_scale_wanted_replicas",
      help: "Replicas that a function's load wants, before limits, windows and steps.",
      type: "gauge",
      collect: () =>
        this.#current().flatMap(
          ([
            name,
            {
              decision: { wanted },
            },
          ]) =>
            wanted === undefined
              ? []
              : [{ labels: { function_name: name }, value: wanted.replicas }],
        ),
    });
    registerSamples(registry, {
      name: "operator_scale_decisions_total",
      help: "Changes of a function's replicas by its load, by reason.",
      type: "counter",
      collect: () =>
        [...this.#decisions].flatMap(([name, reasons]) =>
          [...reasons].map(([reason, value]) => ({
            labels: { function_name: name, reason },
            value,
          })),
        ),
    });
  }

  saw(functionName: string, seen: Seen): void {
    this.#seen.set(functionName, seen);
    this.#sawAt = this.#now();
  }

  decided(functionName: string, reason: ScaleReason): void {
    const reasons = this.#decisions.get(functionName) ?? new Map<ScaleReason, number>();
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    this.#decisions.set(functionName, reasons);
  }

  /** Shows a function no more. */
  forget(functionName: string): void {
    this.#seen.delete(functionName);
    this.#decisions.delete(functionName);
  }

  /** None where another instance looks by now. */
  #current(): [functionName: string, seen: Seen][] {
    return this.#now() - this.#sawAt <= CURRENT_MS ? [...this.#seen] : [];
  }

  #collectLoads(): Sample[] {
    return this.#current().flatMap(([name, { loads, rules }]) =>
      rules.signals.flatMap((signal, index) => {
        const value = loads[index]?.value;
        return value === undefined
          ? []
          : [{ labels: { function_name: name, signal: signal.name }, value }];
      }),
    );
  }
}
