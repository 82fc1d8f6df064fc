/** Entry of every asynchronous call: `/async-function/<name>[.<namespace>][/<rest>]`. */
import { createHash, type Hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { CALL_HEADER, toCanonicalName } from "../../../contract/index.ts";
import { MalformedMessageError, QUEUE, type QueuedCall } from "../../../contract/queue/index.ts";
import { guard } from "../../lib/faults.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import { drawNonce } from "../../lib/queue/nonce.ts";
import { QueueUnavailableError } from "../../lib/queue/queue-link.ts";
import type { CallGuard } from "../auth/call-guard.ts";
import { toMarkedCall } from "../auth/queue-mark.ts";
import type { QueueMarks } from "../auth/queue-marks.ts";
import { type Failure, failures } from "../errors.ts";
import { sendFailure } from "../http/failure-response.ts";
import { onceClosed, send100Continue } from "../http/guard/index.ts";
import { guarded } from "../http/guarded.ts";
import { callIdOf, toQueuedHeaders } from "../http/headers.ts";
import { type FunctionPath, PREFIX, splitFunctionPath } from "../http/paths.ts";
import { sendMethodNotAllowed, sendPageNotFound } from "../http/text-responses.ts";
import type { TrustedPeers } from "../http/trusted-peers.ts";
import type { Admission } from "./admission.ts";
import {
  type Acceptance,
  type AsyncPublisher,
  MessageTooLargeError,
  QueueFullError,
} from "./async-publisher.ts";
import { beginCall, type Call } from "./call.ts";
import { answerPreflight, isPreflight, toCrossOriginHeaders } from "./cross-origin.ts";
import type { FunctionState, FunctionStates } from "./function-states.ts";
import type { Incoming } from "./invoke.ts";
import {
  checkOwnCallback,
  findOwnCallback,
  keepHeaders,
  type OwnCallback,
  proveCallback,
} from "./own-callback.ts";
import { admitPrivate, declaredLength } from "./private-call.ts";
import type { QueueMetrics } from "./queue-metrics.ts";
import { type QueueOptionRules, type QueueOptions, readQueueOptions } from "./queue-options.ts";
import { limitReading, type ReadLimitContext } from "./read-limit.ts";
import { receiveBody } from "./receive-body.ts";

export interface EnqueueContext extends ReadLimitContext {
  states: FunctionStates;
  /** Undefined: there are no credentials, and private functions are open to everybody. */
  guard: CallGuard | undefined;
  marks: QueueMarks;
  admission: Admission;
  peers: TrustedPeers;
  /** Undefined: there is no queue, and so no such path. */
  queue: AsyncPublisher | undefined;
  queueRules: QueueOptionRules;
  queueMetrics: QueueMetrics;
  logger: Logger;
}

/** Puts a call into the queue and answers 202 as soon as it is stored. */
export function enqueue(context: EnqueueContext, incoming: Incoming): void {
  const { request, response, target } = incoming;
  const split = splitFunctionPath(target.path, PREFIX.async);
  const { queue, logger } = context;
  if (split === undefined || queue === undefined) {
    sendPageNotFound(response);
  } else if (request.method === "TRACE") {
    sendMethodNotAllowed(response, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
  } else {
    const enqueuing = { context, queue, incoming, split, call: beginCall(request) };
    guarded({ ...incoming, logger }, () => admit(enqueuing));
  }
}

interface Enqueuing {
  context: EnqueueContext;
  queue: AsyncPublisher;
  incoming: Incoming;
  split: FunctionPath;
  call: Call;
}

async function admit(asked: Enqueuing): Promise<void> {
  const { context, incoming, split } = asked;
  const { request, response } = incoming;
  const state = context.states.find(split.segment);
  if (state === undefined) {
    refuse(asked, context.states.explain(split.segment));
    return;
  }
  if (isPreflight(request)) {
    preflight(asked, state);
    return;
  }
  const { call } = asked;
  const crossOrigin = toCrossOriginHeaders(request, state.asyncOrigins);
  const enqueuing = { ...asked, call: { ...call, own: [...call.own, ...crossOrigin] } };
  // Before the check of the caller, which takes its credentials away.
  const options = readQueueOptions(request.headers, state.key, context.queueRules);
  if ("code" in options) {
    refuse(enqueuing, options, state);
    return;
  }
  const target = findOwnCallback(context, options.callback);
  const bytes = Math.min(declaredLength(request) ?? Infinity, QUEUE.maxInlineBytes) + HEAD_BYTES;
  const failure =
    tooLong(request) ??
    (await check(enqueuing, state, target)) ??
    context.admission.hold(state, bytes);
  if (failure !== undefined) {
    refuse(enqueuing, failure, state);
    return;
  }
  const release = guard(() => context.admission.release(state, bytes));
  onceClosed(request, response, release);
  limitReading(context, incoming, enqueuing.call.own);
  send100Continue(request, response);
  await receive(enqueuing, state, { ...options, target: target as OwnCallback | undefined });
}

/** Without credentials, as browsers ask: they come with the call itself. */
function preflight({ incoming, call: { own } }: Enqueuing, state: FunctionState): void {
  const { request, response } = incoming;
  if (!answerPreflight(request, response, { own, origins: state.asyncOrigins })) {
    const failure = failures.originNotAllowed(state.displayName);
    sendFailure(request, response, { failure, own });
  }
}

/** Whether the caller may call the function, and the one that is to get its answer. */
async function check(
  { context, incoming, split }: Enqueuing,
  state: FunctionState,
  target: OwnCallback | Failure | undefined,
): Promise<Failure | undefined> {
  if (target !== undefined && "code" in target) {
    return target;
  }
  const { guard, marks } = context;
  const { request } = incoming;
  const asked = target === undefined ? request : keepHeaders(request);
  if (state.isPrivate && guard !== undefined) {
    const rest = `${split.rest}${incoming.target.query}`;
    const failure = await admitPrivate({ guard, marks }, { request, state, rest });
    if (failure !== undefined || !marks.canMark) {
      return failure ?? failures.noQueueKey();
    }
  }
  return target && checkOwnCallback(context, { request, asked }, target);
}

/** What the caller asks for, and the function that its callback calls. */
type Asked = QueueOptions & { target: OwnCallback | undefined };

/** Memory that a queued call takes beside its body, bytes: its headers, twice. */
const HEAD_BYTES = 16 * 1024;

async function receive(enqueuing: Enqueuing, state: FunctionState, options: Asked): Promise<void> {
  const { queue, incoming } = enqueuing;
  const { request, response } = incoming;
  const nonce = drawNonce();
  // Of private functions alone, so that public ones pay nothing.
  const digest = state.isPrivate ? createHash("sha256") : undefined;
  let body: QueuedCall["body"] | undefined;
  try {
    body = await receiveBody(request, {
      maxBytes: QUEUE.maxBodyBytes,
      maxInlineBytes: queue.maxInlineBytes,
      keep: (source) => queue.keep(nonce, source),
      forget: (stored) => queue.forget(stored),
      onChunk: (chunk) => digest?.update(chunk),
    });
    if (response.headersSent || response.destroyed) {
      await (body && queue.forget(body));
      return;
    }
    if (body === undefined) {
      refuse(enqueuing, tooLarge(), state);
      return;
    }
    const call = toQueuedCall(enqueuing, { state, options, nonce, body });
    const marked = addMark(enqueuing, call, digest);
    const accepted = await queue.publish(marked, {
      queue: state.queue,
      messageId: options.messageId,
    });
    if (accepted.isRepeated) {
      await queue.forget(body);
    }
    accept(enqueuing, state, accepted);
  } catch (error) {
    await forgetAfter(error, queue, body);
    // A caller that has gone away is not answered.
    if (!request.destroyed || request.complete) {
      const { callId } = enqueuing.call;
      enqueuing.context.logger.warn({ callId, reason: messageOf(error) }, "call not queued");
      refuse(enqueuing, toFailure(error), state);
    }
  }
}

/** Where nobody answered, the call may be stored all the same, and needs its body. */
async function forgetAfter(
  error: unknown,
  queue: AsyncPublisher,
  body: QueuedCall["body"] | undefined,
): Promise<void> {
  if (body !== undefined && !(error instanceof QueueUnavailableError)) {
    await queue.forget(body);
  }
}

function toFailure(error: unknown): Failure {
  if (error instanceof MalformedMessageError) {
    return failures.badRequest(error.message);
  }
  if (error instanceof MessageTooLargeError) {
    return failures.messageTooLarge(error.message);
  }
  return error instanceof QueueFullError ? failures.queueStoreFull() : failures.queueUnavailable();
}

function refuse(
  { context, incoming, call }: Enqueuing,
  failure: Failure,
  state?: FunctionState,
): void {
  const { request, response } = incoming;
  context.queueMetrics.refused(state?.displayName, failure.code);
  sendFailure(request, response, { failure, own: call.own });
}

function accept(
  { context, incoming, call }: Enqueuing,
  state: FunctionState,
  { id, isRepeated }: Acceptance,
): void {
  const { request, response } = incoming;
  const callId = callIdOf(request.headers) ?? id ?? call.callId;
  const own = call.own.with(call.own.indexOf("X-Call-Id") + 1, callId);
  const seconds = (performance.now() - call.startedAt) / 1000;
  context.queueMetrics.accepted(state.displayName, { isRepeated, seconds });
  response
    .writeHead(202, [
      ...["Content-Length", "0"],
      ...(id === undefined ? [] : ["Location", `/async/calls/${id}`]),
      ...(isRepeated ? ["Idempotency-Replayed", "true"] : []),
      ...own,
    ])
    .end();
}

interface Parts {
  state: FunctionState;
  options: Asked;
  nonce: string;
  body: QueuedCall["body"];
}

function toQueuedCall(
  { context, incoming, split, call }: Enqueuing,
  { state, options, nonce, body }: Parts,
): QueuedCall {
  const { request, target } = incoming;
  const { delaySeconds, expiresSeconds, keepResultSeconds, callback, target: own } = options;
  const callbackProof = own && proveCallback(context, own, nonce);
  const acceptedAt = Date.now();
  const { "X-Call-Id": callId, ...others } = toQueuedHeaders(
    request,
    call,
    context.peers.peerOf(request),
  );
  // Where the caller has none, the queue gives the call one, which is also what the function gets.
  const hasOwn = callId !== undefined && callIdOf(request.headers) !== undefined;
  const headers = hasOwn ? { ...others, "X-Call-Id": callId } : others;
  return {
    nonce,
    reference: state.reference,
    calledAs: split.segment,
    method: request.method ?? "POST",
    path: split.rest,
    query: target.query.slice(1),
    host: request.headers.host,
    headers,
    callback,
    ...(callbackProof !== undefined && { callbackProof }),
    acceptedAt,
    ...(state.timeouts.callMs === 0 && { isUnlimited: true }),
    retry: { ...state.retry, ...options.retry },
    ...(delaySeconds !== undefined && { notBefore: acceptedAt + delaySeconds * 1000 }),
    ...(expiresSeconds !== undefined && { expiresAt: acceptedAt + expiresSeconds * 1000 }),
    ...(keepResultSeconds !== undefined && { keepResultSeconds }),
    body,
  };
}

/** A private function's call, of whose body there is a digest, with its mark. */
function addMark(
  { context: { guard, marks } }: Enqueuing,
  call: QueuedCall,
  digest: Hash | undefined,
): QueuedCall {
  const mark = guard && digest && marks.make(toMarkedCall(call), digest.digest("base64url"));
  const name = toCanonicalName(CALL_HEADER.admitted);
  return mark === undefined ? call : { ...call, headers: { ...call.headers, [name]: [mark] } };
}

function tooLong(request: IncomingMessage): Failure | undefined {
  return (declaredLength(request) ?? 0) > QUEUE.maxBodyBytes ? tooLarge() : undefined;
}

function tooLarge(): Failure {
  return failures.messageTooLarge(`body: expected at most ${QUEUE.maxBodyBytes} bytes`);
}
