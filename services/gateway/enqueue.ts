/** Entry of every asynchronous call: `/async-function/<name>[.<namespace>][/<rest>]`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { QUEUE, type QueueMessage } from "../contract/index.ts";
import { messageOf, type Logger } from "../lib/logger.ts";
import { beginCall, type Call } from "./call.ts";
import { MessageTooLargeError, type CallQueue } from "./call-queue.ts";
import { sendFailure, type Failure } from "./errors.ts";
import type { FunctionWatch } from "./functions.ts";
import { toQueuedHeaders } from "./headers.ts";
import { findFailure, type Incoming } from "./invoke.ts";
import { splitName } from "./names.ts";
import { PREFIX, splitFunctionPath, type FunctionPath } from "./paths.ts";
import { sendMethodNotAllowed, sendPageNotFound } from "./plain.ts";
import { readBody } from "./request-body.ts";

export interface EnqueueContext {
  functions: FunctionWatch;
  functionNamespace: string;
  /** Undefined: there is no queue, and so no such path. */
  queue: CallQueue | undefined;
  logger: Logger;
}

/** Puts a call into the queue and answers 202 as soon as it is stored. */
export function enqueue(context: EnqueueContext, incoming: Incoming): void {
  const { request, response, target } = incoming;
  const split = splitFunctionPath(target.path, PREFIX.async);
  if (split === undefined || context.queue === undefined) {
    sendPageNotFound(response);
    return;
  }
  if (request.method !== "POST") {
    sendMethodNotAllowed(response, "POST");
    return;
  }
  const call = beginCall(request);
  const reference = splitName(split.segment, context.functionNamespace);
  const callback = readCallbackUrl(request);
  const failure = findFailure(context.functions, reference) ?? callback.failure ?? tooLong(request);
  if (failure !== undefined) {
    sendFailure(request, response, { failure, own: call.own });
    return;
  }
  readBody(request, QUEUE.maxMessageBytes, (body) => {
    if (body === undefined) {
      sendFailure(request, response, { failure: tooLarge(), own: call.own });
      return;
    }
    const message = toMessage(incoming, split, { call, body, callback: callback.url });
    void publish({ context, call, request, response }, message);
  });
}

interface Publication {
  context: EnqueueContext;
  call: Call;
  request: IncomingMessage;
  response: ServerResponse;
}

async function publish(publication: Publication, message: QueueMessage): Promise<void> {
  const { context, call, request, response } = publication;
  try {
    await context.queue?.publish(message, call.callId);
    response.writeHead(202, ["Content-Length", "0", ...call.own]).end();
  } catch (error) {
    const failure = error instanceof MessageTooLargeError ? tooLarge(error.message) : unavailable();
    context.logger.warn({ callId: call.callId, reason: messageOf(error) }, "call not queued");
    sendFailure(request, response, { failure, own: call.own });
  }
}

function toMessage(
  { request, target }: Incoming,
  { segment, rest }: FunctionPath,
  { call, body, callback }: { call: Call; body: Buffer; callback: URL | undefined },
): QueueMessage {
  return {
    Header: toQueuedHeaders(request, call),
    ...(request.headers.host !== undefined && { Host: request.headers.host }),
    ...(body.length > 0 && { Body: body.toString("base64") }),
    Method: request.method ?? "POST",
    ...(rest !== "" && { Path: rest }),
    ...(target.query.length > 1 && { QueryString: target.query.slice(1) }),
    Function: segment,
    ...(callback !== undefined && { CallbackUrl: toGoUrl(callback) }),
  };
}

function toGoUrl(url: URL): NonNullable<QueueMessage["CallbackUrl"]> {
  return {
    Scheme: url.protocol.slice(0, -1),
    Host: url.host,
    Path: url.pathname,
    ...(url.search.length > 1 && { RawQuery: url.search.slice(1) }),
  };
}

/** The callback that the caller asks for; credentials inside a URL would end up in logs. */
function readCallbackUrl({ headers }: IncomingMessage): { url?: URL; failure?: Failure } {
  const text = headers["x-callback-url"];
  if (typeof text !== "string" || text === "") {
    return {};
  }
  const url = URL.parse(text);
  const isUsable =
    url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
  return isUsable
    ? { url }
    : { failure: badRequest("X-Callback-Url: expected an http or https URL without credentials") };
}

function badRequest(message: string): Failure {
  return { status: 400, code: "PLONK_BAD_CALLBACK_URL", message };
}

function tooLong({ headers }: IncomingMessage): Failure | undefined {
  return Number(headers["content-length"] ?? 0) > QUEUE.maxMessageBytes ? tooLarge() : undefined;
}

function tooLarge(
  message = `body: must not exceed ${QUEUE.maxMessageBytes} bytes with its headers`,
): Failure {
  return { status: 413, code: "PLONK_MESSAGE_TOO_LARGE", message };
}

function unavailable(): Failure {
  const message = "Error queuing request: the queue is not reachable.";
  return { status: 503, code: "PLONK_QUEUE_UNAVAILABLE", message, retryAfterSeconds: 2 };
}
