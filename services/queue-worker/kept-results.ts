/** Results: answers that are kept for who asks for them, each for as long as its caller wanted. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  encodeResult,
  type KeptResult,
  OVER_SECONDS,
  QUEUE,
  type ResultBody,
  toOverSubject,
  toPieceSubject,
  toResultSubject,
} from "../../contract/queue/index.ts";
import { type Logger, messageOf } from "../lib/logger.ts";
import { isFull, publish } from "../lib/queue/publish.ts";
import type { QueueLink } from "../lib/queue/queue-link.ts";
import { toAnswerHeaders } from "./answer-headers.ts";
import type { Run } from "./call-function.ts";
import type { WorkerMetrics } from "./metrics.ts";
import type { FunctionCall } from "./queued-call.ts";

export interface KeptResultsOptions {
  link: QueueLink;
  metrics: WorkerMetrics;
  logger: Logger;
  /** Waits before it is tried again, milliseconds. @default 1 s, 2 s, 4 s and 8 s */
  waitsMs?: readonly number[];
}

/** How much longer a body is kept than it is seen, seconds: who begins to read in time gets all. */
const READ_SECONDS = 10;

/** For a NATS that starts again: without it, the call could not be ended either. */
const WAITS_MS = [1000, 2000, 4000, 8000];

export class KeptResults {
  readonly #options: KeptResultsOptions;

  constructor(options: KeptResultsOptions) {
    this.#options = options;
  }

  /**
   * Keeps the answer of a call that is over, in the place of that of an earlier run. Resolves to
   * false where it could not be kept: the call is over all the same, and is not run again for it.
   * A full store is not waited for, as others' calls would wait, too. Never rejects.
   */
  async keep(call: FunctionCall, run: Run, seconds: number): Promise<boolean> {
    const { metrics, logger, waitsMs = WAITS_MS } = this.#options;
    for (const waitMs of [...waitsMs, undefined]) {
      try {
        await this.#store(call, run, seconds);
        metrics.kept(call.functionName, true);
        return true;
      } catch (error) {
        const facts = { id: call.id, functionName: call.functionName, reason: messageOf(error) };
        if (waitMs === undefined || isFull(error)) {
          metrics.kept(call.functionName, false);
          logger.error(facts, "result lost");
          return false;
        }
        logger.warn({ ...facts, waitMs }, "result not kept, trying again");
        await sleep(waitMs);
      }
    }
    return false;
  }

  /** The pieces first, what is seen after them, and last what is to outlive both. */
  async #store(call: FunctionCall, run: Run, seconds: number): Promise<void> {
    const { access } = this.#options.link;
    const result: KeptResult = {
      status: run.status,
      headers: toAnswerHeaders(call, run),
      expiresAt: Date.now() + seconds * 1000,
      body: await this.#storeBody(call, run, seconds),
    };
    const subject = toResultSubject(call.reference, call.id);
    await publish(access, { subject, ...encodeResult(result), seconds });
    await publish(access, {
      subject: toOverSubject(call.reference, call.id),
      fields: [],
      payload: new Uint8Array(),
      seconds: seconds + OVER_SECONDS,
    });
  }

  async #storeBody(call: FunctionCall, { capture }: Run, seconds: number): Promise<ResultBody> {
    const { access, maxPayload } = this.#options.link;
    const { body } = capture;
    const most = Math.min(QUEUE.maxInlineBytes, Math.floor(maxPayload / 2));
    if (Buffer.isBuffer(body) && body.length <= most) {
      return body;
    }
    const source = Buffer.isBuffer(body) ? [body] : access.bodies.read(body);
    const subject = toPieceSubject(call.reference, call.id);
    const piece = { subject, fields: [], seconds: seconds + READ_SECONDS };
    const pieces: number[] = [];
    let bytes = 0;
    for await (const payload of cut(source, most)) {
      const { seq } = await publish(access, { ...piece, payload });
      pieces.push(seq);
      bytes += payload.length;
    }
    return { bytes, pieces };
  }
}

/** Pieces of so many bytes; the last one may have fewer. */
async function* cut(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Buffer, void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = Buffer.concat([rest, chunk]);
    for (; rest.length >= bytes; rest = rest.subarray(bytes)) {
      yield rest.subarray(0, bytes);
    }
  }
  if (rest.length > 0) {
    yield rest;
  }
}
