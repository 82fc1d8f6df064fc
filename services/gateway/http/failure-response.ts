/** Failures as answers: of calls, and of the gateway's own API. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";
import type { Failure } from "../errors.ts";
import { drainRequest, mustCloseAfter } from "./drain-request.ts";

/** Whether the client asks for JSON by name; a mere wildcard is no wish for it. */
export function wantsJson(accept: string | undefined): boolean {
  return accept?.includes("application/json") ?? false;
}

/** The body of a failure: the contract's plain text, or JSON for clients that accept that. */
export function describeFailure(
  { code, message }: Failure,
  accept: string | undefined,
  callId?: string,
): { contentType: string; body: string } {
  if (!wantsJson(accept)) {
    return { contentType: "text/plain; charset=utf-8", body: message };
  }
  const body = JSON.stringify({ code, message, ...(callId !== undefined && { callId }) });
  return { contentType: "application/json; charset=utf-8", body };
}

/** Headers that go with a call's failure, flat. */
export function toFailureHeaders({ code, retryAfterSeconds, challenge }: Failure): string[] {
  return [
    ...["X-OpenFaaS-Internal", "gateway", "X-Plonk-Code", code],
    ...(retryAfterSeconds === undefined ? [] : ["Retry-After", String(retryAfterSeconds)]),
    ...(challenge === undefined ? [] : ["WWW-Authenticate", challenge]),
  ];
}

/** Answers a request of the gateway's own API with a failure. */
export function replyFailure(reply: FastifyReply, failure: Failure): FastifyReply {
  const { status, challenge, retryAfterSeconds, acceptEncoding } = failure;
  const { headers, id } = reply.request;
  const { contentType, body } = describeFailure(failure, headers.accept, id);
  if (challenge !== undefined) {
    reply.header("WWW-Authenticate", challenge);
  }
  if (retryAfterSeconds !== undefined) {
    reply.header("Retry-After", String(retryAfterSeconds));
  }
  if (acceptEncoding !== undefined) {
    reply.header("Accept-Encoding", acceptEncoding);
  }
  return reply
    .code(status)
    .type(contentType)
    .header("X-Call-Id", id)
    .header("X-Plonk-Code", failure.code)
    .send(body);
}

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
    drainRequest(request, () => response.end());
  } else {
    response.end(body);
    drainRequest(request);
  }
}
