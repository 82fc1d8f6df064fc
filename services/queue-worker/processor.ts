/** One message from delivery to acknowledgement. */
import type { JsMsg } from "@nats-io/jetstream";
import { MalformedMessageError } from "../../contract/queue/index.ts";
import type { Logger } from "../lib/logger.ts";
import type { RetryPolicy } from "./config.ts";
import type { Answer, HttpCalls } from "./http-calls.ts";
import { type FunctionCall, parseMessage } from "./message.ts";
import type { WorkerMetrics } from "./metrics.ts";
import { nextWaitMs } from "./retry.ts";

/** What is used of a delivered message. */
export type Delivery = Pick<JsMsg, "data" | "ack" | "nak" | "term" | "working" | "seq"> & {
  info: { deliveryCount: number; pending: number };
};

export interface ProcessorOptions {
  calls: HttpCalls;
  metrics: WorkerMetrics;
  logger: Logger;
  retry: RetryPolicy;
  /** Silence after which the queue delivers a message again, milliseconds. */
  ackWaitMs: number;
}

/**
 * Calls the function, then the callback, then acknowledges; the message stays the worker's own for
 * however long that takes. Never throws.
 */
export async function processMessage(options: ProcessorOptions, delivery: Delivery): Promise<void> {
  const { logger, metrics } = options;
  const heartbeat = setInterval(() => delivery.working(), options.ackWaitMs / 3);
  try {
    await handle(options, delivery, parseMessage(delivery.data));
  } catch (error) {
    if (error instanceof MalformedMessageError) {
      metrics.malformed();
      logger.error({ seq: delivery.seq, reason: error.message }, "malformed message dropped");
      delivery.term("malformed");
    } else {
      logger.error({ seq: delivery.seq, err: error }, "message failed, it goes back to the queue");
      delivery.nak(options.retry.initialWaitMs);
    }
  } finally {
    clearInterval(heartbeat);
  }
}

async function handle(
  options: ProcessorOptions,
  delivery: Delivery,
  call: FunctionCall,
): Promise<void> {
  const { calls, metrics, retry, logger } = options;
  const { deliveryCount, pending } = delivery.info;
  metrics.begin(call.functionName, pending);
  const answer = await calls.callFunction(call);
  metrics.end(call.functionName, answer.seconds);
  const waitMs = nextWaitMs(answer, deliveryCount, retry);
  const facts = {
    functionName: call.functionName,
    callId: call.callId,
    status: answer.status,
    attempt: deliveryCount,
    seconds: answer.seconds,
  };
  if (waitMs !== undefined) {
    metrics.retried(call.functionName);
    logger.warn({ ...facts, waitMs }, "call failed, trying again later");
    delivery.nak(waitMs);
    return;
  }
  await callBack(options, call, answer);
  metrics.processed(call.functionName, answer.status);
  logger.info(facts, "call done");
  delivery.ack();
}

async function callBack(
  { calls, metrics, logger }: ProcessorOptions,
  call: FunctionCall,
  answer: Answer,
): Promise<void> {
  if (call.callback === undefined) {
    return;
  }
  const status = await calls.sendCallback(call, call.callback, answer);
  metrics.calledBack(status);
  if (status < 200 || status >= 300) {
    const { host } = call.callback;
    logger.warn({ callId: call.callId, host, status }, "callback not accepted");
  }
}
