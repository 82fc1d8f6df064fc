/** Steps of a request outside of Fastify, where an error would end the process with all calls. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { endByFault } from "../../lib/faults.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import { failures } from "../errors.ts";
import { sendFailure } from "./failure-response.ts";

/** The request that a step is about, and where a fault is told. */
export interface GuardedRequest {
  request: IncomingMessage;
  response: ServerResponse;
  logger: Logger;
}

/** Answers with 500 after a fault of ours, or cuts an answer that has begun. Never throws. */
export function answerFault(
  request: IncomingMessage,
  response: ServerResponse,
  own: readonly string[],
): void {
  try {
    sendFailure(request, response, { failure: failures.internal(), own });
  } catch (error) {
    // The answer itself is what fails: with the connection, all that waits for its end goes on.
    endByFault(error, () => request.socket.destroy());
  }
}

/**
 * Runs a step, which is also each callback of an event and each promise that nobody waits for. A
 * fault of the gateway's own is logged and answered with 500, or cuts an answer that has begun.
 */
export function guarded(
  { request, response, logger }: GuardedRequest,
  step: () => void | Promise<void>,
): void {
  const fail = (error: unknown): void => {
    logger.error({ reason: messageOf(error), err: error }, "a request failed by a fault of ours");
    answerFault(request, response, []);
  };
  try {
    step()?.catch(fail);
  } catch (error) {
    fail(error);
  }
}
