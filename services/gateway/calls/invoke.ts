/** Entry of every call of a function: `/function/<name>[.<namespace>][/<rest>]`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { CallGuard } from "../auth/call-guard.ts";
import type { QueueMarks } from "../auth/queue-marks.ts";
import type { Failure } from "../errors.ts";
import { sendFailure } from "../http/failure-response.ts";
import { closeConnection } from "../http/guard/index.ts";
import { guarded } from "../http/guarded.ts";
import { PREFIX, splitFunctionPath, type Target } from "../http/paths.ts";
import { sendMethodNotAllowed, sendPageNotFound } from "../http/text-responses.ts";
import { beginCall } from "./call.ts";
import type { FunctionState, FunctionStates } from "./function-states.ts";
import { enterPrivate, type Entry } from "./private-call.ts";
import { ProxyCall, type ProxyCallOptions, type ProxyContext } from "./proxy-call.ts";

export interface InvokeContext extends ProxyContext {
  states: FunctionStates;
  /** Undefined: there are no credentials, and private functions are open to everybody. */
  guard: CallGuard | undefined;
  /** By which calls that come out of the queue are known. */
  marks: QueueMarks;
}

/** A request that came in, its target split and cleaned. */
export interface Incoming {
  request: IncomingMessage;
  response: ServerResponse;
  target: Target;
}

/** Answers a call of a function. */
export function invoke(context: InvokeContext, incoming: Incoming): void {
  const { request, response, target } = incoming;
  const split = splitFunctionPath(target.path, PREFIX.sync);
  if (split === undefined) {
    sendPageNotFound(response);
    return;
  }
  if (request.method === "TRACE") {
    // It would show a page's script what the browser and proxies add to its requests.
    closeConnection(request.socket);
    response.shouldKeepAlive = false;
    sendMethodNotAllowed(response, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
    return;
  }
  const call = beginCall(request);
  const state = context.states.find(split.segment);
  if (state === undefined) {
    const failure = context.states.explain(split.segment);
    sendFailure(request, response, { failure, own: call.own });
    return;
  }
  const path = `${split.rest === "" ? "/" : split.rest}${target.query}`;
  if (state.isPrivate && context.guard !== undefined) {
    const { guard, logger } = context;
    guarded({ request, response, logger }, async () => {
      const rest = `${split.rest}${target.query}`;
      const entering = { request, response, call, state, rest };
      const entry = await enterPrivate({ ...context, guard }, entering);
      begin(context, { request, response, call, state, target: path }, entry);
    });
  } else {
    begin(context, { request, response, call, state, target: path }, {});
  }
}

type Beginning = Omit<ProxyCallOptions, "context" | "body">;

function begin(context: InvokeContext, call: Beginning, entry: Entry): void {
  const { request, response, state } = call;
  // It may have been answered that its body came too late.
  if (response.destroyed || response.headersSent) {
    return;
  }
  const refusal = "failure" in entry ? entry.failure : undefined;
  const failure = refusal ?? context.admission.enter(state);
  if (failure === undefined) {
    const { body } = entry as { body?: Buffer };
    new ProxyCall({ context, ...call, body }).start();
  } else {
    state.metrics.refuse(failure.code);
    sendFailure(request, response, { failure, own: call.call.own });
  }
}

/** Why a private function may not be called; undefined when it may. */
export async function askGuard(
  guard: CallGuard,
  request: IncomingMessage,
  { resource }: FunctionState,
): Promise<Failure | undefined> {
  return guard.check(request, resource);
}
