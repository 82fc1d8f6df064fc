/** Questions to Prometheus. */
import type { Static } from "typebox";
import { Agent, request } from "undici";
import type { prometheusSettings } from "../../contract/environment/servers.ts";
import { type Logger, messageOf } from "./logger.ts";
import { LoginFiles } from "./login-files.ts";
import { createTlsConnector, HTTP_1, type TlsFiles } from "./tls-connector.ts";

type Sample = [time: number, value: string];

interface VectorAnswer {
  resultType: "vector";
  result: { metric: { function_name?: string }; value: Sample }[];
}

/** Of an instant query. */
type QueryAnswer =
  | VectorAnswer
  | { resultType: "scalar"; result: Sample }
  | { resultType: "matrix" | "string"; result: unknown };

/** Longest wait for an answer, milliseconds: a page must not hang where Prometheus does. */
const TIMEOUT_MS = 3000;

/** Longest answer: what a query of a user's gives is held in memory. Room for 40,000 functions. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** What errors show of what Prometheus says, characters. */
const MAX_SHOWN = 200;

/** Where Prometheus is. */
export interface PrometheusAddress {
  /** Without a slash at its end. */
  url: string;
  /** Folder with the files to log in with; undefined: Prometheus asks for none. */
  secretPath: string | undefined;
}

type Settings = { [K in keyof typeof prometheusSettings]: Static<(typeof prometheusSettings)[K]> };

/** Where it is by a service's settings. */
export function toPrometheusAddress(
  settings: Pick<Settings, "faas_prometheus_host" | "faas_prometheus_port"> & Partial<Settings>,
): PrometheusAddress {
  const { faas_prometheus_host: host, faas_prometheus_port: port, prometheus_url: url } = settings;
  return { url: url ?? `http://${host}:${port}`, secretPath: settings.prometheus_secret_path };
}

/** Throws for what is no numbers of now. */
function toVector(answer: QueryAnswer): VectorAnswer["result"] {
  if (answer.resultType !== "vector") {
    throw new QueryError(`query: expected a vector or a scalar, got a ${answer.resultType}`);
  }
  return answer.result;
}

/** Prometheus refuses a query, or gives something else for it. */
class QueryError extends Error {
  override name = "QueryError";
}

export class PrometheusApi {
  readonly #url: string;
  readonly #files: LoginFiles;
  readonly #agent: Agent;
  readonly #logger: Logger;
  readonly #timeoutMs: number;
  #isAway = false;

  constructor(
    { url, secretPath }: PrometheusAddress,
    logger: Logger,
    /** Longest wait for an answer. */
    timeoutMs = TIMEOUT_MS,
  ) {
    this.#url = url;
    this.#logger = logger;
    this.#timeoutMs = timeoutMs;
    this.#files = new LoginFiles(secretPath);
    const readTls = (): TlsFiles => {
      const ca = this.#files.read("ca");
      return ca === undefined ? {} : { ca };
    };
    const connect = createTlsConnector({}, readTls);
    this.#agent = new Agent({ ...HTTP_1, connect, maxResponseSize: MAX_ANSWER_BYTES });
  }

  /**
   * The numbers by `name.namespace`; without those that are no numbers (a quantile of no calls).
   * Throws when Prometheus does not answer in time, or not with success.
   */
  async queryByFunction(query: string): Promise<Map<string, number>> {
    const answer = await this.#ask(query);
    const entries = toVector(answer).map(
      ({ metric, value }) => [metric.function_name ?? "", Number(value[1])] as const,
    );
    return new Map(entries.filter(([, value]) => Number.isFinite(value)));
  }

  /**
   * The sum of what a query gives; undefined where that is nothing, or no number. Throws as
   * `queryByFunction` does, and for a query that gives something else than numbers of now.
   */
  async querySum(query: string): Promise<number | undefined> {
    const answer = await this.#ask(query, true);
    const samples =
      answer.resultType === "scalar" ? [answer.result] : toVector(answer).map(({ value }) => value);
    const sum = samples.reduce((total, [, value]) => total + Number(value), 0);
    return samples.length === 0 || !Number.isFinite(sum) ? undefined : sum;
  }

  /** @param isOthers - who asks for what it refuses hears so: Prometheus is not away */
  async #ask(query: string, isOthers = false): Promise<QueryAnswer> {
    try {
      const answer = await this.#query(query);
      this.#isAway = false;
      return answer;
    } catch (error) {
      const isRefusal = isOthers && error instanceof QueryError;
      if (!this.#isAway && !isRefusal) {
        this.#isAway = true;
        this.#logger.warn(
          { url: this.#url, reason: messageOf(error) },
          "no figures from Prometheus, until it answers",
        );
      }
      throw error;
    }
  }

  async #query(query: string): Promise<QueryAnswer> {
    const parameters = new URLSearchParams({ query, timeout: `${this.#timeoutMs}ms` });
    const { statusCode, body } = await request(
      `${this.#url}/api/v1/query?${parameters.toString()}`,
      {
        headers: this.#toHeaders(),
        headersTimeout: this.#timeoutMs,
        bodyTimeout: this.#timeoutMs,
        signal: AbortSignal.timeout(this.#timeoutMs),
        dispatcher: this.#agent,
      },
    );
    if (statusCode === 400 || statusCode === 422) {
      const text = await body.text();
      throw new QueryError(`Prometheus answered ${statusCode}: ${text.slice(0, MAX_SHOWN)}`);
    }
    if (statusCode !== 200) {
      await body.dump();
      throw new Error(`Prometheus answered ${statusCode}`);
    }
    const { data } = (await body.json()) as { data?: QueryAnswer };
    if (data === undefined) {
      throw new Error("Prometheus answered with no data");
    }
    return data;
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  #toHeaders(): Record<string, string> {
    const token = this.#files.readText("token");
    const user = this.#files.readText("user");
    if (token !== undefined) {
      return { authorization: `Bearer ${token}` };
    }
    const pair = `${user ?? ""}:${this.#files.readText("password") ?? ""}`;
    return user === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
  }
}
