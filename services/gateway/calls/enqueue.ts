/** Entry of every asynchronous call: `/async-function/<name>[.<namespace>][/<rest>]`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { CALL_HEADER, toCanonicalName } from "../../../contract/index.ts";
import {
  CALLBACK_EXPECTATION,
  isCallback,
  MessageTooLargeError,
  QUEUE,
  type QueuedCall,
} from "../../../contract/queue/index.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import type { CallGuard } from "../auth/call-guard.ts";
import { type Failure, failures } from "../errors.ts";
import { sendFailure } from "../http/failure-response.ts";
import { onceClosed, send100Continue } from "../http/guard/index.ts";
import { guarded } from "../http/guarded.ts";
import { toQueuedHeaders } from "../http/headers.ts";
import { type FunctionPath, PREFIX, splitFunctionPath } from "../http/paths.ts";
import { readBody } from "../http/request-body.ts";
import { sendMethodNotAllowed, sendPageNotFound } from "../http/text-responses.ts";
import type { TrustedPeers } from "../http/trusted-peers.ts";
import type { Admission } from "./admission.ts";
import { beginCall, type Call } from "./call.ts";
import type { CallQueue } from "./call-queue.ts";
import type { FunctionStates } from "./function-states.ts";
import { askGuard, type Incoming } from "./invoke.ts";
import { limitReading, type ReadLimitContext } from "./read-limit.ts";

const CALLBACK_FIELD = toCanonicalName(CALL_HEADER.callbackUrl);

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
    guarded({ ...incoming, logger: context.logger }, () => admit(context, incoming, split));
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
  const store = async (body: Buffer | undefined): Promise<void> => {
    if (response.headersSent) {
      return;
    }
    if (body === undefined) {
      sendFailure(request, response, { failure: tooLarge(), own });
      return;
    }
    const headers = toQueuedHeaders(request, call, context.peers.peerOf(request));
    const queued = toQueuedCall(incoming, split, { headers, body, callback });
    await publish({ context, call, request, response }, queued);
  };
  readBody(request, QUEUE.maxMessageBytes, (body) => {
    guarded({ request, response, logger: context.logger }, () => store(body));
  });
}

interface Publication {
  context: EnqueueContext;
  call: Call;
  request: IncomingMessage;
  response: ServerResponse;
}

async function publish(publication: Publication, queued: QueuedCall): Promise<void> {
  const { context, call, request, response } = publication;
  try {
    await context.queue?.publish(queued, call.callId);
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

function toQueuedCall(
  { request, target }: Incoming,
  { segment, rest }: FunctionPath,
  parts: Parts,
): QueuedCall {
  return {
    functionName: segment,
    method: request.method ?? "POST",
    path: rest,
    query: target.query.slice(1),
    host: request.headers.host,
    ...parts,
  };
}

/** The callback that the caller asks for. */
function readCallbackUrl({ headers }: IncomingMessage): { url?: URL; failure?: Failure } {
  const text = headers[CALL_HEADER.callbackUrl];
  if (typeof text !== "string" || text === "") {
    return {};
  }
  const url = URL.parse(text);
  return url !== null && isCallback(url)
    ? { url }
    : { failure: failures.badCallbackUrl(`${CALLBACK_FIELD}: expected ${CALLBACK_EXPECTATION}`) };
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
  message = `body: expected at most ${QUEUE.maxMessageBytes} bytes with its headers`,
): Failure {
  return failures.messageTooLarge(message);
}
