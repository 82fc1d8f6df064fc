/** Entry of every asynchronous call: `/async-function/<name>[.<namespace>][/<rest>]`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { QUEUE, type QueueMessage } from "../../../contract/index.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import type { CallGuard } from "../auth/call-guard.ts";
import { type Failure, failures } from "../errors.ts";
import { sendFailure } from "../http/failure-response.ts";
import { onceClosed, send100Continue } from "../http/guard/index.ts";
import { toQueuedHeaders } from "../http/headers.ts";
import { type FunctionPath, PREFIX, splitFunctionPath } from "../http/paths.ts";
import { readBody } from "../http/request-body.ts";
import { sendMethodNotAllowed, sendPageNotFound } from "../http/text-responses.ts";
import type { TrustedPeers } from "../http/trusted-peers.ts";
import type { Admission } from "./admission.ts";
import { beginCall, type Call } from "./call.ts";
import { type CallQueue, MessageTooLargeError } from "./call-queue.ts";
import type { FunctionStates } from "./function-states.ts";
import { askGuard, type Incoming } from "./invoke.ts";
import { limitReading, type ReadLimitContext } from "./read-limit.ts";

export interface EnqueueContext extends ReadLimitContext {
  states: FunctionStates;
  /** Undefined: there are no credentials, and private functions are open to everybody. */
  guard: CallGuard | undefined;
  admission: Admission;
  peers: TrustedPeers;
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
  } else if (request.method !== "POST") {
    sendMethodNotAllowed(response, "POST");
  } else {
    void admit(context, incoming, split);
  }
}

async function admit(
  context: EnqueueContext,
  incoming: Incoming,
  split: FunctionPath,
): Promise<void> {
  const { request, response } = incoming;
  const call = beginCall(request);
  const callback = readCallbackUrl(request);
  const state = context.states.find(split.segment);
  let failure =
    state === undefined
      ? context.states.explain(split.segment)
      : (callback.failure ?? tooLong(request));
  if (failure === undefined && state?.isPrivate === true && context.guard !== undefined) {
    failure = await askGuard(context.guard, request, state);
  }
  const bytes = declaredLength(request) ?? QUEUE.maxMessageBytes;
  failure ??= context.admission.hold(bytes);
  if (failure !== undefined) {
    sendFailure(request, response, { failure, own: call.own });
    return;
  }
  onceClosed(request, response, () => context.admission.release(bytes));
  receive({ context, incoming, split, call, callback: callback.url });
}

interface Reception {
  context: EnqueueContext;
  incoming: Incoming;
  split: FunctionPath;
  call: Call;
  callback: URL | undefined;
}

/** Reads the body, within the time and the length that it may have. */
function receive({ context, incoming, split, call, callback }: Reception): void {
  const { request, response } = incoming;
  const { own } = call;
  limitReading(context, incoming, own);
  send100Continue(request, response);
  readBody(request, QUEUE.maxMessageBytes, (body) => {
    if (response.headersSent) {
      return;
    }
    if (body === undefined) {
      sendFailure(request, response, { failure: tooLarge(), own });
      return;
    }
    const headers = toQueuedHeaders(request, call, context.peers.peerOf(request));
    const message = toMessage(incoming, split, { headers, body, callback });
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
    const failure =
      error instanceof MessageTooLargeError ? tooLarge(error.message) : failures.queueUnavailable();
    context.logger.warn({ callId: call.callId, reason: messageOf(error) }, "call not queued");
    sendFailure(request, response, { failure, own: call.own });
  }
}

interface Parts {
  headers: Record<string, string[]>;
  body: Buffer;
  callback: URL | undefined;
}

function toMessage(
  { request, target }: Incoming,
  { segment, rest }: FunctionPath,
  { headers, body, callback }: Parts,
): QueueMessage {
  return {
    Header: headers,
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
    : {
        failure: failures.badCallbackUrl(
          "X-Callback-Url: expected an http or https URL without credentials",
        ),
      };
}

function tooLong(request: IncomingMessage): Failure | undefined {
  return (declaredLength(request) ?? 0) > QUEUE.maxMessageBytes ? tooLarge() : undefined;
}

/** Length of the body by its header; undefined where only its end will tell. */
function declaredLength({ headers }: IncomingMessage): number | undefined {
  const isChunked = headers["transfer-encoding"] !== undefined;
  return isChunked ? undefined : Number(headers["content-length"] ?? 0);
}

function tooLarge(
  message = `body: must not exceed ${QUEUE.maxMessageBytes} bytes with its headers`,
): Failure {
  return failures.messageTooLarge(message);
}
