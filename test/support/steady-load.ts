/**
 * Calls at a constant rate over kept-alive connections, without repeating any: what a client that
 * expects answers would see.
 */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export interface SteadyLoadOptions {
  url: string;
  connections: number;
  /** Of all connections together. */
  callsPerSecond: number;
  /** Ends by itself after so many calls. @default never */
  calls?: number;
  /** Sent with each call, which is a POST then. */
  body?: string;
  /** Statuses that are no failure. @default 200 alone */
  expected?: readonly number[];
}

export interface SteadyLoadResult {
  calls: number;
  /** Number of answers by status, and of errors by code. */
  outcomes: Record<string, number>;
  /** Calls that got none of the expected statuses. */
  failed: number;
  /** Answers of 429 and 503 that do not say when to come again. */
  withoutRetryAfter: number;
  /** Seconds, sorted, of the answered calls with status 200. */
  seconds: number[];
}

const TIMEOUT_MS = 60_000;

function call(agent: Agent, { url, body }: SteadyLoadOptions): Promise<[string, boolean]> {
  return new Promise((resolve) => {
    const options = { agent, method: body === undefined ? "GET" : "POST", timeout: TIMEOUT_MS };
    const sent = request(url, options, (answer) => {
      answer.resume();
      answer.on("end", () => {
        const hasRetryAfter = answer.headers["retry-after"] !== undefined;
        resolve([String(answer.statusCode ?? 0), hasRetryAfter]);
      });
      answer.on("error", (error) => resolve([codeOf(error), false]));
    });
    sent.on("timeout", () => sent.destroy(new Error("timeout")));
    sent.on("error", (error) => resolve([codeOf(error), false]));
    sent.end(body);
  });
}

function codeOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}

/** The value below which a share of sorted values lies; 0 without values. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export class SteadyLoad {
  readonly #options: SteadyLoadOptions;
  readonly #result: SteadyLoadResult = {
    calls: 0,
    outcomes: {},
    failed: 0,
    withoutRetryAfter: 0,
    seconds: [],
  };
  #isStopped = false;
  readonly #callers: Promise<void>[];

  constructor(options: SteadyLoadOptions) {
    this.#options = options;
    this.#callers = Array.from({ length: options.connections }, (_, index) => this.#run(index));
  }

  /** Calls so far. */
  get calls(): number {
    return this.#result.calls;
  }

  /** Calls so far that failed. */
  get failed(): number {
    return this.#result.failed;
  }

  /** Calls so far with an outcome. */
  count(outcome: string): number {
    return this.#result.outcomes[outcome] ?? 0;
  }

  /** Resolves when the number of calls that was asked for has been made. */
  async finished(): Promise<SteadyLoadResult> {
    await Promise.all(this.#callers);
    this.#result.seconds.sort((a, b) => a - b);
    return this.#result;
  }

  /** Ends the load after the calls in flight. */
  stop(): Promise<SteadyLoadResult> {
    this.#isStopped = true;
    return this.finished();
  }

  async #run(index: number): Promise<void> {
    const { connections, callsPerSecond, calls = Infinity } = this.#options;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const pauseMs = (connections / callsPerSecond) * 1000;
    let next = performance.now() + (pauseMs * index) / connections;
    while (!this.#isStopped && this.#result.calls < calls) {
      const wait = next - performance.now();
      if (wait > 0) {
        await sleep(wait);
      }
      // A caller that is late does not catch up all at once.
      next = Math.max(next + pauseMs, performance.now() - pauseMs);
      this.#result.calls += 1;
      const begin = performance.now();
      const [outcome, hasRetryAfter] = await call(agent, this.#options);
      this.#count(outcome, hasRetryAfter, (performance.now() - begin) / 1000);
    }
    agent.destroy();
  }

  #count(outcome: string, hasRetryAfter: boolean, seconds: number): void {
    const result = this.#result;
    const { expected = [200] } = this.#options;
    result.outcomes[outcome] = (result.outcomes[outcome] ?? 0) + 1;
    if (!expected.includes(Number(outcome))) {
      result.failed += 1;
    }
    if ((outcome === "429" || outcome === "503") && !hasRetryAfter) {
      result.withoutRetryAfter += 1;
    }
    if (outcome === "200") {
      result.seconds.push(seconds);
    }
  }
}
