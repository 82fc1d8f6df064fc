/**
 * Answers in the words of Go's HTTP router, which clients of OpenFaaS know; clients that accept
 * JSON get code, sentence and call id.
 */
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { describeFailure, type Failure, wantsJson } from "../errors.ts";
import { callIdOf } from "./headers.ts";
import type { Fault } from "./raw-reader.ts";

/** The answer for a path that does not exist. */
export const PAGE_NOT_FOUND: Failure = {
  status: 404,
  code: "PLONK_PAGE_NOT_FOUND",
  message: "404 page not found\n",
};

/** 404 in the words of Go's router. */
export function sendPageNotFound(response: ServerResponse): void {
  send(response, PAGE_NOT_FOUND);
}

/** 405 with an empty body. */
export function sendMethodNotAllowed(response: ServerResponse, allowed: string): void {
  const message = wantsJson(response.req.headers.accept) ? `method: expected ${allowed}` : "";
  const failure = { status: 405, code: "PLONK_METHOD_NOT_ALLOWED", message };
  send(response, failure, { allow: allowed });
}

/** 301 to the cleaned path. */
export function sendMoved(response: ServerResponse, location: string): void {
  response.writeHead(301, { location, "content-length": 0 }).end();
}

const CODE = {
  400: "PLONK_BAD_REQUEST",
  413: "PLONK_EXTENSIONS_TOO_LARGE",
  431: "PLONK_HEADERS_TOO_LARGE",
} as const;

/** Says what is wrong; the connection is not used again, as nobody knows where a request ends. */
export function sendRefusal(response: ServerResponse, { status, message }: Fault): void {
  const failure = { status, code: CODE[status], message: `${message}\n` };
  send(response, failure, { connection: "close" });
}

/** 417 for an expectation that is not `100-continue`; the body that may follow is not read. */
export function sendExpectationFailed(response: ServerResponse): void {
  const failure = { status: 417, code: "PLONK_EXPECTATION_FAILED", message: "" };
  send(response, failure, { connection: "close" });
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
