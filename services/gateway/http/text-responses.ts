/**
 * Plain-text answers in the words of Go's HTTP router, which clients of OpenFaaS know. Clients that
 * accept JSON get code, sentence and call id.
 */
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { type Failure, failures } from "../errors.ts";
import { describeFailure, wantsJson } from "./failure-response.ts";
import type { BadRequest } from "./guard/index.ts";
import { callIdOf } from "./headers.ts";

/** 404 in the words of Go's router. */
export function sendPageNotFound(response: ServerResponse): void {
  send(response, failures.pageNotFound());
}

/** 405, with an empty body where that is plain text. */
export function sendMethodNotAllowed(response: ServerResponse, allowed: string): void {
  const failure = failures.methodNotAllowed(allowed);
  const isJson = wantsJson(response.req.headers.accept);
  send(response, isJson ? failure : { ...failure, message: "" }, { allow: allowed });
}

/** 301 to the cleaned path. */
export function sendMoved(response: ServerResponse, location: string): void {
  response.writeHead(301, { location, "content-length": 0 }).end();
}

const REFUSAL = {
  400: failures.badRequest,
  413: failures.extensionsTooLarge,
  431: failures.headersTooLarge,
} as const;

/** Refuses a request and closes the connection, as the end of the request is not known. */
export function sendRefusal(response: ServerResponse, { status, message }: BadRequest): void {
  send(response, REFUSAL[status](`${message}\n`), { connection: "close" });
}

/** 417 for an expectation that is not `100-continue`; the body that may follow is not read. */
export function sendExpectationFailed(response: ServerResponse): void {
  send(response, failures.expectationFailed(), { connection: "close" });
}

function send(
  response: ServerResponse,
  { status, code, message }: Failure,
  headers: Record<string, string> = {},
): void {
  const { headers: asked } = response.req;
  const callId = callIdOf(asked) ?? randomUUID();
  const isJson = wantsJson(asked.accept);
  const failure = { status, code, message: isJson ? message.trimEnd() : message };
  const { contentType, body } = describeFailure(failure, asked.accept, callId);
  response
    .writeHead(status, {
      ...(body !== "" && { "content-type": contentType, "x-content-type-options": "nosniff" }),
      "content-length": Buffer.byteLength(body),
      "x-call-id": callId,
      ...headers,
    })
    .end(body);
}
