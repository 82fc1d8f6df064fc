/** The call of a function, by way of the gateway. */
import { Readable } from "node:stream";
import { Agent, type Dispatcher } from "undici";
import { CALL_HEADER } from "../../contract/index.ts";
import { QUEUE } from "../../contract/queue/index.ts";
import { BodyLostError } from "../lib/queue/body-store.ts";
import { drawNonce } from "../lib/queue/nonce.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { type Capture, captureBody, type CaptureOptions } from "./capture.ts";
import type { FunctionCall } from "./queued-call.ts";
import { type Outcome, parseRetryAfter } from "./settle.ts";

/** How a run ended, and what was kept of the answer. */
export interface Run extends Outcome {
  headers: Dispatcher.ResponseData["headers"];
  /** From the first byte sent to the last byte received, seconds. */
  seconds: number;
  capture: Capture;
}

export interface FunctionCallsOptions {
  gatewayUrl: string;
  /** Where large bodies are. */
  bodies: CaptureOptions["bodies"];
  /** For those: they come from the store as fast as it gives them. */
  budget: ByteBudget;
}

/** A run without an answer: nothing is kept. */
export const NO_ANSWER: Run = {
  status: 0,
  headers: {},
  seconds: 0,
  capture: { body: Buffer.alloc(0), isTruncated: false },
};

/** Whether somebody is to get the whole answer. */
function isAnswerWanted({ queued }: FunctionCall): boolean {
  return queued.callback !== undefined || queued.keepResultSeconds !== undefined;
}

/** Before the first probe of a silent connection, milliseconds; the last is 10 s later. */
const KEEP_ALIVE_DELAY_MS = 10_000;

export class FunctionCalls {
  readonly #options: FunctionCallsOptions;
  readonly #agent: Agent;

  constructor(options: FunctionCallsOptions) {
    this.#options = options;
    this.#agent = new Agent({
      // The gateway knows how long each function may take, and ends the call when it is over.
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
      connect: { timeout: 5000, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS },
    });
  }

  /**
   * Runs a call; never rejects. A status that has come stands, whatever becomes of the body.
   *
   * @param signal ends the call, and so the run of the function
   */
  async run(call: FunctionCall, signal: AbortSignal): Promise<Run> {
    const { body } = call.queued;
    const bytes = Buffer.isBuffer(body) ? 0 : Math.min(body.bytes, QUEUE.maxBodyBytes);
    return this.#options.budget.use(bytes, () => this.#run(call, signal));
  }

  async #run(call: FunctionCall, signal: AbortSignal): Promise<Run> {
    const startedAt = performance.now();
    const seconds = (): number => (performance.now() - startedAt) / 1000;
    try {
      const response = await this.#request(call, signal);
      const { statusCode: status, headers } = response;
      const code = headers[CALL_HEADER.failureCode];
      const retryAfter = headers["retry-after"];
      const retryAfterMs = parseRetryAfter(typeof retryAfter === "string" ? retryAfter : undefined);
      const capture = await captureBody(response.body, {
        bodies: this.#options.bodies,
        isWanted: isAnswerWanted(call),
        // Of its own: a run whose worker was silent may still end, and not in another's answer.
        createName: () => `${call.queued.nonce}-${drawNonce()}`,
      }).catch(() => ({ ...NO_ANSWER.capture, isTruncated: true }));
      return {
        status,
        headers,
        capture,
        seconds: seconds(),
        ...(typeof code === "string" && { code }),
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      };
    } catch (error) {
      const lost = error instanceof BodyLostError ? { lost: error.message } : {};
      return { ...NO_ANSWER, seconds: seconds(), ...lost };
    }
  }

  /** Ends what still runs: it was given back to the queue. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #request(call: FunctionCall, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { body, method } = call.queued;
    const isStored = !Buffer.isBuffer(body);
    const length = isStored ? body.bytes : body.length;
    const source = isStored ? Readable.from(this.#options.bodies.read(body)) : body;
    // Not as one URL: its dot segments and its `#` would lead to another function, or elsewhere.
    return this.#agent.request({
      origin: this.#options.gatewayUrl,
      path: call.target,
      method: method,
      headers: {
        ...call.headers,
        ...(isStored && { "Content-Length": String(length) }),
      },
      body: length > 0 ? source : null,
      signal,
    });
  }
}
