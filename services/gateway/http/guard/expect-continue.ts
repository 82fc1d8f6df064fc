/** `100 Continue`, which tells a waiting caller to send its body (RFC 9110 §10.1.1). */
import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * Sends `100 Continue` if the caller expects it. A pipelined request gets none while earlier
 * answers are pending (it has no socket yet): Node would write it into the middle of those.
 */
export function send100Continue(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect !== undefined && response.socket !== null) {
    response.writeContinue();
  }
}
