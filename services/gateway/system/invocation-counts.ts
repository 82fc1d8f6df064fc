/** How often each function was called, asked of Prometheus; the list works without it, too. */
import { METRIC } from "../../../contract/index.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import type { PrometheusApi } from "../../lib/prometheus.ts";

/** How long an answer is good for, so that a busy list does not load Prometheus, milliseconds. */
const MAX_AGE_MS = 2000;

/** How long a failure is taken for granted: who lists functions shall not wait each time. */
const FAILURE_AGE_MS = 10_000;

export class InvocationCounts {
  readonly #prometheus: PrometheusApi;
  readonly #logger: Logger;
  #counts: ReadonlyMap<string, number> = new Map();
  #goodUntil = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(prometheus: PrometheusApi, logger: Logger) {
    this.#prometheus = prometheus;
    this.#logger = logger;
  }

  /** Calls by `name.namespace`; empty when Prometheus is away. */
  async read(): Promise<ReadonlyMap<string, number>> {
    if (performance.now() > this.#goodUntil) {
      this.#reading ??= this.#query().finally(() => {
        this.#reading = undefined;
      });
      await this.#reading;
    }
    return this.#counts;
  }

  async #query(): Promise<void> {
    try {
      const query = `sum(${METRIC.invocations}) by (function_name)`;
      this.#counts = await this.#prometheus.queryByFunction(query);
      this.#goodUntil = performance.now() + MAX_AGE_MS;
    } catch (error) {
      this.#counts = new Map();
      this.#goodUntil = performance.now() + FAILURE_AGE_MS;
      this.#logger.debug({ reason: messageOf(error) }, "invocation counts not available");
    }
  }
}
