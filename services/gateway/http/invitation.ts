/** `100 Continue`: the caller may send the body that it holds back (RFC 9110 §10.1.1). */
import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * Asks for the body where the caller waits to be asked. A pipelined request is not: while the
 * answers before its own are still due, Node would put the invitation between head and body.
 */
export function inviteBody(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect !== undefined && response.socket !== null) {
    response.writeContinue();
  }
}
