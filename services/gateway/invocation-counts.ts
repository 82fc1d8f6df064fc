/** How often each function was called, asked of Prometheus; the list works without it, too. */
import { request } from "undici";
import { METRIC } from "../contract/index.ts";
import { messageOf, type Logger } from "../lib/logger.ts";

interface QueryAnswer {
  data: { result: { metric: { function_name?: string }; value: [number, string] }[] };
}

const TIMEOUT_MS = 1000;

/** How long an answer is good for, so that a busy list does not load Prometheus, milliseconds. */
const MAX_AGE_MS = 2000;

export class InvocationCounts {
  readonly #url: string;
  readonly #logger: Logger;
  #counts = new Map<string, number>();
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(prometheusUrl: string, logger: Logger) {
    this.#url = prometheusUrl;
    this.#logger = logger;
  }

  /** Calls by `name.namespace`; empty when Prometheus is away. */
  async read(): Promise<ReadonlyMap<string, number>> {
    if (performance.now() - this.#readAt > MAX_AGE_MS) {
      this.#reading ??= this.#query().finally(() => {
        this.#reading = undefined;
        this.#readAt = performance.now();
      });
      await this.#reading;
    }
    return this.#counts;
  }

  async #query(): Promise<void> {
    const query = new URLSearchParams({ query: `sum(${METRIC.invocations}) by (function_name)` });
    try {
      const { statusCode, body } = await request(`${this.#url}/api/v1/query?${query.toString()}`, {
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (statusCode !== 200) {
        await body.dump();
        throw new Error(`Prometheus answered ${statusCode}`);
      }
      const { data } = (await body.json()) as QueryAnswer;
      this.#counts = new Map(
        data.result.map(({ metric, value }) => [metric.function_name ?? "", Number(value[1])]),
      );
    } catch (error) {
      this.#counts = new Map();
      this.#logger.debug({ reason: messageOf(error) }, "invocation counts not available");
    }
  }
}
