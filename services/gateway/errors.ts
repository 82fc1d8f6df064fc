/** What the gateway answers when it cannot do what was asked: one code and one sentence each. */
import createError, { type FastifyErrorConstructor } from "@fastify/error";
import type { FastifyReply } from "fastify";

type OneArgument = FastifyErrorConstructor<{ code: string }, [string]>;

const define = (code: string, text: string, status: number): OneArgument =>
  createError<[string]>(`PLONK_${code}`, text, status);

export const BadRequest = define("BAD_REQUEST", "%s", 400);
export const Conflict = define("CONFLICT", "%s", 409);
export const FunctionNotFound = define("FUNCTION_NOT_FOUND", "error finding function %s", 404);
export const AssetsMissing = define(
  "ASSETS_MISSING",
  "assets_directory: expected the files of the page, got no index.html in %s",
  503,
);
export const NamespaceNotFound = define("NAMESPACE_NOT_FOUND", "error finding namespace %s", 404);
export const NotImplemented = define("NOT_IMPLEMENTED", "%s", 501);
export const LogsUnavailable = define("LOGS_UNAVAILABLE", "%s", 503);
export const NoQueue = define("NO_QUEUE", "%s", 404);
export const QueueUnavailable = define("QUEUE_UNAVAILABLE", "%s", 503);
export const SecretNotFound = define("SECRET_NOT_FOUND", "error finding secret %s", 404);

export interface Failure {
  /** HTTP status. */
  status: number;
  /** Machine-readable, e.g. `PLONK_UPSTREAM_REFUSED`. */
  code: string;
  /** One sentence. */
  message: string;
  /** Seconds after which trying again makes sense. */
  retryAfterSeconds?: number;
  /** How the caller may prove who it is, for WWW-Authenticate (RFC 9110 §11.6.1). */
  challenge?: string;
}

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

/** Answers a request of the gateway's own API with a failure. */
export function replyFailure(reply: FastifyReply, failure: Failure): FastifyReply {
  const { status, challenge, retryAfterSeconds } = failure;
  const { headers, id } = reply.request;
  const { contentType, body } = describeFailure(failure, headers.accept, id);
  if (challenge !== undefined) {
    reply.header("WWW-Authenticate", challenge);
  }
  if (retryAfterSeconds !== undefined) {
    reply.header("Retry-After", String(retryAfterSeconds));
  }
  return reply.code(status).type(contentType).header("X-Call-Id", id).send(body);
}

/** Headers that go with a call's failure, flat. */
export function toFailureHeaders({ retryAfterSeconds, challenge }: Failure): string[] {
  return [
    ...["X-OpenFaaS-Internal", "gateway"],
    ...(retryAfterSeconds === undefined ? [] : ["Retry-After", String(retryAfterSeconds)]),
    ...(challenge === undefined ? [] : ["WWW-Authenticate", challenge]),
  ];
}
