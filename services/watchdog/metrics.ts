/**
 * The three metrics of every OpenFaaS watchdog, and what build it is of. Without the client
 * library, which takes 9 MB and 25 ms in each function pod, as the labels are few and known.
 */
import { REVISION, VERSION } from "../lib/version.ts";

/** Prometheus' default buckets, seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

interface Series {
  labels: string;
  count: number;
  sum: number;
  /** Calls per bucket, not cumulative; calls above the last one are only in `count`. */
  buckets: number[];
}

/** Counts calls and writes them in Prometheus' text format. */
export class CallMetrics {
  readonly #series = new Map<string, Series>();
  #inFlight = 0;

  /** Calls that are running. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Records the start of a call. */
  start(): void {
    this.#inFlight += 1;
  }

  /** Records the end of a call; the method is case-insensitive. */
  finish(code: number, method: string, seconds: number): void {
    this.#inFlight -= 1;
    const labels = `code="${code}",method="${method.toLowerCase()}"`;
    const series = this.#series.get(labels) ?? newSeries(labels);
    this.#series.set(labels, series);
    series.count += 1;
    series.sum += seconds;
    const bucket = BUCKETS.findIndex((limit) => seconds <= limit);
    if (bucket >= 0) {
      series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
    }
  }

  /** Prometheus' text format, version 0.0.4. */
  expose(): string {
    const all = [...this.#series.values()];
    return [
      "# HELP http_requests_total Total number of requests.",
      "# TYPE http_requests_total counter",
      ...all.map(({ labels, count }) => `http_requests_total{${labels}} ${count}`),
      "# HELP http_request_duration_seconds Duration of requests.",
      "# TYPE http_request_duration_seconds histogram",
      ...all.flatMap(exposeHistogram),
      "# HELP http_requests_in_flight Number of requests that are running.",
      "# TYPE http_requests_in_flight gauge",
      `http_requests_in_flight ${this.#inFlight}`,
      "# HELP process_resident_memory_bytes Resident memory size in bytes.",
      "# TYPE process_resident_memory_bytes gauge",
      `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
      "# HELP plonk_build_info Version of Plonk, and the commit that it was built from",
      "# TYPE plonk_build_info gauge",
      `plonk_build_info{version="${VERSION}",revision="${REVISION}"} 1`,
      "",
    ].join("\n");
  }
}

function newSeries(labels: string): Series {
  return { labels, count: 0, sum: 0, buckets: BUCKETS.map(() => 0) };
}

function exposeHistogram({ labels, count, sum, buckets }: Series): string[] {
  const name = "http_request_duration_seconds";
  let cumulative = 0;
  const lines = BUCKETS.map((limit, index) => {
    cumulative += buckets[index] ?? 0;
    return `${name}_bucket{${labels},le="${limit}"} ${cumulative}`;
  });
  return [
    ...lines,
    `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sum}`,
    `${name}_count{${labels}} ${count}`,
  ];
}
