/** Questions to Prometheus whose answers have one number for each function. */
import { Agent, request } from "undici";
import { type Logger, messageOf } from "../../lib/logger.ts";
import { LoginFiles } from "../../lib/login-files.ts";
import { createTlsConnector, type TlsFiles } from "../../lib/tls-connector.ts";

interface QueryAnswer {
  data: { result: { metric: { function_name?: string }; value: [number, string] }[] };
}

/** Longest wait for an answer, milliseconds: a page must not hang where Prometheus does. */
const TIMEOUT_MS = 3000;

/** Where Prometheus is. */
export interface PrometheusAddress {
  /** Without a slash at its end. */
  url: string;
  /** Folder with the files to log in with; undefined: Prometheus asks for none. */
  secretPath: string | undefined;
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
    this.#agent = new Agent({ connect: createTlsConnector({}, readTls) });
  }

  /**
   * The numbers by `name.namespace`; without those that are no numbers (a quantile of no calls).
   * Throws when Prometheus does not answer in time, or not with success.
   */
  async queryByFunction(query: string): Promise<Map<string, number>> {
    try {
      const numbers = await this.#query(query);
      this.#isAway = false;
      return numbers;
    } catch (error) {
      if (!this.#isAway) {
        this.#isAway = true;
        this.#logger.warn(
          { url: this.#url, reason: messageOf(error) },
          "no figures of calls from Prometheus, until it answers",
        );
      }
      throw error;
    }
  }

  async #query(query: string): Promise<Map<string, number>> {
    const parameters = new URLSearchParams({ query });
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
    if (statusCode !== 200) {
      await body.dump();
      throw new Error(`Prometheus answered ${statusCode}`);
    }
    const { data } = (await body.json()) as QueryAnswer;
    const entries = data.result.map(
      ({ metric, value }) => [metric.function_name ?? "", Number(value[1])] as const,
    );
    return new Map(entries.filter(([, value]) => Number.isFinite(value)));
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
