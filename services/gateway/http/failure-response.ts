/** Answers of the gateway's own in the place of a function's. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { describeFailure, type Failure, toFailureHeaders } from "../errors.ts";
import { dropLeftovers, mustCloseAfter } from "./leftovers.ts";

/**
 * Answers a call of a function with a failure of the infrastructure. `X-OpenFaaS-Internal` tells
 * queue-workers that it was not the function that answered.
 */
export function sendFailure(
  request: IncomingMessage,
  response: ServerResponse,
  { failure, own }: { failure: Failure; own: readonly string[] },
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const callId = own[own.indexOf("X-Call-Id") + 1];
  const { contentType, body } = describeFailure(failure, request.headers.accept, callId);
  const isLast = mustCloseAfter(request);
  response.writeHead(failure.status, [
    ...["Content-Type", contentType],
    ...["Content-Length", String(Buffer.byteLength(body))],
    ...["X-Content-Type-Options", "nosniff"],
    ...toFailureHeaders(failure),
    ...(isLast ? ["Connection", "close"] : []),
    ...own,
  ]);
  if (isLast) {
    response.write(body);
    dropLeftovers(request, () => response.end());
  } else {
    response.end(body);
    dropLeftovers(request);
  }
}
