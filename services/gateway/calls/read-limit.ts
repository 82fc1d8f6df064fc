/** The time within which a body that is read as a whole has to come. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { guard } from "../../lib/faults.ts";
import { sendFailure } from "../http/failure-response.ts";
import { onceClosed } from "../http/guard/index.ts";
import { answerFault } from "../http/guarded.ts";
import { hasBody } from "../http/request-body.ts";
import { type CallClock, NOT_TIMED, type Timed } from "./call-clock.ts";
import { timedOut } from "./upstream-error.ts";

export interface ReadLimitContext {
  clock: CallClock;
  /** Longest time to receive a body, milliseconds; 0 is no limit. */
  readTimeoutMs: number;
}

/** Answers 408 when a request's body is not there in time. @param own - headers of the answer */
export function limitReading(
  { clock, readTimeoutMs }: ReadLimitContext,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  own: readonly string[],
): void {
  if (readTimeoutMs === 0 || request.complete || !hasBody(request)) {
    return;
  }
  let startedAt: number | undefined;
  const limit: Timed = {
    clockIndex: NOT_TIMED,
    fault: () => answerFault(request, response, own),
    checkTime: (now) => {
      startedAt ??= now;
      if (request.complete) {
        clock.delete(limit);
      } else if (now - startedAt > readTimeoutMs) {
        clock.delete(limit);
        sendFailure(request, response, { failure: timedOut("caller", ""), own });
      }
    },
  };
  clock.add(limit);
  onceClosed(
    request,
    response,
    guard(() => clock.delete(limit)),
  );
}
