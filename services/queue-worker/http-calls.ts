/** The worker's two HTTP calls: the function by way of the gateway, and the callback. */
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, type Dispatcher, request } from "undici";
import { CALL_HEADER } from "../../contract/index.ts";
import { backoffMs } from "../lib/backoff.ts";
import { HOP_BY_HOP, listedInConnection } from "../lib/hop-by-hop.ts";
import { type FunctionCall, USER_AGENT } from "./message.ts";
import type { Outcome } from "./retry.ts";

/** Largest answer that is kept for a callback, bytes. */
export const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

const CALLBACK_ATTEMPTS = 4;
const CALLBACK_TIMEOUT_MS = 30_000;

/** What a function answered. */
export interface Answer extends Outcome {
  headers: Dispatcher.ResponseData["headers"];
  body: Buffer;
  /** From the first byte sent to the last byte received, seconds. */
  seconds: number;
}

export interface HttpCallsOptions {
  gatewayUrl: string;
  /** Longest wait for a first byte, and between two chunks, milliseconds. */
  callTimeoutMs: number;
  /** Waits between attempts at a callback start here, milliseconds. @default 500 */
  callbackWaitMs?: number;
}

export class HttpCalls {
  readonly #options: HttpCallsOptions;
  readonly #agent: Agent;

  constructor(options: HttpCallsOptions) {
    this.#options = options;
    this.#agent = new Agent({
      headersTimeout: options.callTimeoutMs,
      bodyTimeout: options.callTimeoutMs,
      allowH2: false,
      connect: { timeout: 5000 },
    });
  }

  /** Calls the function. An answer that does not come counts as 503. */
  async callFunction(call: FunctionCall): Promise<Answer> {
    const startedAt = performance.now();
    try {
      // Not as one URL: its dot segments and its `#` would lead to another function, or elsewhere.
      const response = await this.#agent.request({
        origin: this.#options.gatewayUrl,
        path: call.target,
        method: call.method,
        headers: call.headers,
        body: call.body.length > 0 ? call.body : null,
      });
      const body = await readBounded(response.body);
      const { statusCode: status, headers } = response;
      const retryAfter = headers["retry-after"];
      return {
        status,
        headers,
        body,
        seconds: (performance.now() - startedAt) / 1000,
        ...(typeof retryAfter === "string" && { retryAfter }),
      };
    } catch {
      const seconds = (performance.now() - startedAt) / 1000;
      return { status: 503, headers: {}, body: Buffer.alloc(0), seconds };
    }
  }

  /**
   * Reports an answer to the callback. Statuses of 5xx and lost connections are tried again a few
   * times; redirects are not followed. Resolves with the last status (0: no answer).
   */
  async sendCallback(call: FunctionCall, url: URL, answer: Answer): Promise<number> {
    let status = 0;
    for (let attempt = 0; attempt < CALLBACK_ATTEMPTS; attempt++) {
      if (attempt > 0) {
        await sleep(backoffMs(attempt - 1, { initialMs: this.#options.callbackWaitMs ?? 500 }));
      }
      status = await this.#postCallback(call, url, answer);
      if (status !== 0 && status < 500 && status !== 429) {
        return status;
      }
    }
    return status;
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  async #postCallback(call: FunctionCall, url: URL, answer: Answer): Promise<number> {
    try {
      const { statusCode, body } = await request(url, {
        dispatcher: this.#agent,
        method: "POST",
        headers: toCallbackHeaders(call, answer),
        body: answer.body,
        headersTimeout: CALLBACK_TIMEOUT_MS,
        bodyTimeout: CALLBACK_TIMEOUT_MS,
      });
      await body.dump({ limit: 64 * 1024 });
      return statusCode;
    } catch {
      return 0;
    }
  }
}

class AnswerTooLargeError extends Error {}

async function readBounded(body: Dispatcher.ResponseData["body"]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) {
      body.destroy();
      throw new AnswerTooLargeError(`answer: expected at most ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/** Of the answer's own hop, of no use in a request, or said by the worker itself. */
const DROPPED = new Set<string>([
  ...HOP_BY_HOP,
  "host",
  "expect",
  "content-length",
  "set-cookie",
  "user-agent",
  CALL_HEADER.durationSeconds,
  CALL_HEADER.functionStatus,
  CALL_HEADER.functionName,
  CALL_HEADER.callId,
]);

function toCallbackHeaders(
  call: FunctionCall,
  { headers, status, seconds }: Answer,
): Record<string, string | string[]> {
  const listed = listedInConnection([headers["connection"] ?? []].flat().join());
  const passed = Object.entries(headers).filter(
    (entry): entry is [string, string | string[]] =>
      entry[1] !== undefined && !DROPPED.has(entry[0]) && !listed?.has(entry[0]),
  );
  return {
    ...Object.fromEntries(passed),
    "user-agent": USER_AGENT,
    [CALL_HEADER.durationSeconds]: seconds.toFixed(6),
    [CALL_HEADER.functionStatus]: String(status),
    [CALL_HEADER.functionName]: call.functionName,
    [CALL_HEADER.callId]: call.callId,
  };
}
