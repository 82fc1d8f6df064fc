/** The gateway's metrics, by OpenFaaS' names. */
import { METRIC, toDisplayName } from "../../contract/index.ts";
import { registerSamples, type Registry, type Sample } from "../lib/metrics.ts";
import type { ResourceWatch } from "../lib/watch.ts";
import type { Admission } from "./calls/admission.ts";
import type { FunctionWatch } from "./cluster/functions.ts";

/** Upper bounds in seconds; calls that take longer are in `+Inf` only. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The counters of one function. */
export interface FunctionMetrics {
  /** Calls that have begun. */
  readonly started: number;
  /** Counts a call that begins. */
  start(): void;
  /** Counts a call that has ended. */
  end(status: number, seconds: number): void;
  /** Counts a call that is not let in. @param code - that of the failure */
  refuse(code: string): void;
}

/** Calls of one function that ended with one status. */
interface StatusCalls {
  count: number;
  seconds: number;
  /** Calls by bucket, each in one only; the last is that of the longest. */
  buckets: number[];
}

/**
 * Plain numbers, put together for Prometheus only when it asks: finding a series by its labels for
 * each call is a twentieth of what a call costs.
 */
class FunctionCounters implements FunctionMetrics {
  started = 0;
  /** Calls that were not let in, by the code of the failure. */
  readonly refused = new Map<string, number>();
  readonly byStatus = new Map<number, StatusCalls>();

  start(): void {
    this.started += 1;
  }

  end(status: number, seconds: number): void {
    const calls = this.byStatus.get(status) ?? this.#addStatus(status);
    calls.count += 1;
    calls.seconds += seconds;
    let index = 0;
    while (seconds > (BUCKETS[index] ?? Infinity)) {
      index += 1;
    }
    calls.buckets[index] = (calls.buckets[index] ?? 0) + 1;
  }

  refuse(code: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }

  #addStatus(status: number): StatusCalls {
    const buckets = Array<number>(BUCKETS.length + 1).fill(0);
    const calls = { count: 0, seconds: 0, buckets };
    this.byStatus.set(status, calls);
    return calls;
  }
}

export class GatewayMetrics {
  /** By `name.namespace`. */
  readonly #counters = new Map<string, FunctionCounters>();

  constructor(registry: Registry) {
    registerSamples(registry, {
      name: METRIC.started,
      help: "Begun function calls.",
      type: "counter",
      collect: () => this.#collectStarted(),
    });
    registerSamples(registry, {
      name: METRIC.invocations,
      help: "Ended function calls.",
      type: "counter",
      collect: () => this.#collect(({ count }, labels) => [{ labels, value: count }]),
    });
    registerSamples(registry, {
      name: "gateway_function_refused_total",
      help: "Calls that were not let in, by the code of the failure.",
      type: "counter",
      collect: () => this.#collectRefused(),
    });
    registerSamples(registry, {
      name: METRIC.seconds,
      help: "Duration of function calls in seconds.",
      type: "histogram",
      collect: () => this.#collect(toHistogram),
    });
  }

  /** What counts the calls of one function, `name.namespace`. */
  forFunction(functionName: string): FunctionMetrics {
    const counters = this.#counters.get(functionName) ?? new FunctionCounters();
    this.#counters.set(functionName, counters);
    return counters;
  }

  /** Shows a function no more; calls of it that are still in flight are not counted. */
  forget(functionName: string): void {
    this.#counters.delete(functionName);
  }

  #collectStarted(): Sample[] {
    return [...this.#counters].map(([name, { started }]) => ({
      labels: { function_name: name },
      value: started,
    }));
  }

  #collectRefused(): Sample[] {
    return [...this.#counters].flatMap(([name, { refused }]) =>
      [...refused].map(([code, value]) => ({ labels: { function_name: name, code }, value })),
    );
  }

  #collect(toSamples: (calls: StatusCalls, labels: Sample["labels"]) => Sample[]): Sample[] {
    return [...this.#counters].flatMap(([name, { byStatus }]) =>
      [...byStatus].flatMap(([status, calls]) =>
        toSamples(calls, { code: String(status), function_name: name }),
      ),
    );
  }
}

/** Prometheus' buckets are cumulative. */
function toHistogram(calls: StatusCalls, labels: Sample["labels"]): Sample[] {
  const { count, seconds, buckets } = calls;
  let sum = 0;
  const samples = BUCKETS.map((bound, index) => {
    sum += buckets[index] ?? 0;
    return { metricName: `${METRIC.seconds}_bucket`, labels: { le: bound, ...labels }, value: sum };
  });
  return [
    ...samples,
    { metricName: `${METRIC.seconds}_bucket`, labels: { le: "+Inf", ...labels }, value: count },
    { metricName: `${METRIC.seconds}_sum`, labels, value: seconds },
    { metricName: `${METRIC.seconds}_count`, labels, value: count },
  ];
}

/** Shows what has places now. @param admission - what gives them */
export function registerCalls(
  registry: Registry,
  admission: Pick<Admission, "inFlight" | "waiting" | "upgraded">,
): void {
  registerSamples(registry, {
    name: "gateway_calls",
    help: "Calls in flight, calls that wait for a pod, and upgraded connections.",
    type: "gauge",
    collect: () =>
      Object.entries({
        in_flight: admission.inFlight,
        waiting: admission.waiting,
        upgraded: admission.upgraded,
      }).map(([state, value]) => ({ labels: { state }, value })),
  });
}

/** Shows how old the copies of the cluster may be. @param watches - those that there are */
export function registerSilence(
  registry: Registry,
  watches: readonly (Pick<ResourceWatch<never>, "path" | "silenceSeconds"> | undefined)[],
): void {
  registerSamples(registry, {
    name: "gateway_watch_silence_seconds",
    help: "Time since the API server was last heard of, by what is watched.",
    type: "gauge",
    collect: () =>
      watches.flatMap((watch) =>
        watch === undefined ? [] : [{ labels: { path: watch.path }, value: watch.silenceSeconds }],
      ),
  });
}

/** Lets the series of a function go with the function. */
export function forgetDeleted(metrics: GatewayMetrics, functions: FunctionWatch): void {
  functions.on("change", ({ current, previous }) => {
    if (current === undefined && previous !== undefined) {
      metrics.forget(toDisplayName(previous.metadata));
    }
  });
}
