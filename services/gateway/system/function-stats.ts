/** Calls per second, errors and latency of each function in the last minute, from Prometheus. */
import { type FunctionStats, METRIC } from "../../../contract/index.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import type { PrometheusApi } from "../../lib/prometheus.ts";

/** How long an answer is good for: several pages may ask at once, milliseconds. */
const MAX_AGE_MS = 1000;

/** A time range of some scrapes, so that every gateway's rate is known. */
const RANGE = "1m";

type Figure = Exclude<keyof FunctionStats, "name" | "namespace">;

/** Every gateway counts its own calls: the sums over all of them are asked for. */
const QUERIES: Readonly<Record<Figure, (matcher: string) => string>> = {
  callsPerSecond: (matcher) => sumOfRates(`${METRIC.invocations}{${matcher}}`),
  errorsPerSecond: (matcher) => sumOfRates(`${METRIC.invocations}{${matcher},code=~"5.."}`),
  p50Seconds: (matcher) => toQuantile(0.5, matcher),
  p95Seconds: (matcher) => toQuantile(0.95, matcher),
  inFlight: (matcher) => {
    const started = `sum by (function_name) (${METRIC.started}{${matcher}})`;
    const ended = `sum by (function_name) (${METRIC.invocations}{${matcher}})`;
    // Of a function whose first call runs there is nothing ended yet.
    return `clamp_min(${started} - (${ended} or ${started} * 0), 0)`;
  },
};

const FIGURES = Object.keys(QUERIES) as Figure[];

interface Answer {
  readAt: number;
  stats: Promise<FunctionStats[]>;
}

export class FunctionStatsReader {
  readonly #prometheus: PrometheusApi;
  readonly #logger: Logger;
  readonly #answers = new Map<string, Answer>();

  constructor(prometheus: PrometheusApi, logger: Logger) {
    this.#prometheus = prometheus;
    this.#logger = logger;
  }

  /** The functions of a namespace that Prometheus knows, by name; none when it is away. */
  read(namespace: string): Promise<FunctionStats[]> {
    const known = this.#answers.get(namespace);
    if (known !== undefined && performance.now() - known.readAt < MAX_AGE_MS) {
      return known.stats;
    }
    const stats = this.#query(namespace);
    this.#answers.set(namespace, { readAt: performance.now(), stats });
    return stats;
  }

  async #query(namespace: string): Promise<FunctionStats[]> {
    const matcher = `function_name=~"[^.]+[.]${namespace}"`;
    try {
      const answers = await Promise.all(
        FIGURES.map((figure) => this.#prometheus.queryByFunction(QUERIES[figure](matcher))),
      );
      return toStats(namespace, new Map(FIGURES.map((figure, index) => [figure, answers[index]])));
    } catch (error) {
      this.#logger.debug({ reason: messageOf(error) }, "function stats not available");
      return [];
    }
  }
}

function sumOfRates(selector: string): string {
  return `sum by (function_name) (rate(${selector}[${RANGE}]))`;
}

function toQuantile(quantile: number, matcher: string): string {
  const rates = `sum by (le, function_name) (rate(${METRIC.seconds}_bucket{${matcher}}[${RANGE}]))`;
  return `histogram_quantile(${quantile}, ${rates})`;
}

function toStats(
  namespace: string,
  answers: ReadonlyMap<Figure, ReadonlyMap<string, number> | undefined>,
): FunctionStats[] {
  const suffix = `.${namespace}`;
  const keys = new Set([...answers.values()].flatMap((answer) => [...(answer?.keys() ?? [])]));
  return [...keys]
    .filter((key) => key.endsWith(suffix))
    .sort()
    .map((key) => {
      const pick = (figure: Figure): Partial<FunctionStats> => {
        const value = answers.get(figure)?.get(key);
        return value === undefined ? {} : { [figure]: value };
      };
      return {
        name: key.slice(0, -suffix.length),
        namespace,
        callsPerSecond: answers.get("callsPerSecond")?.get(key) ?? 0,
        errorsPerSecond: answers.get("errorsPerSecond")?.get(key) ?? 0,
        ...pick("p50Seconds"),
        ...pick("p95Seconds"),
        ...pick("inFlight"),
      };
    });
}
