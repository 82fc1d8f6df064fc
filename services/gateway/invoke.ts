/** Entry of every call of a function: `/function/<name>[.<namespace>][/<rest>]`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { beginCall } from "./call.ts";
import { notFound } from "./cold-starts.ts";
import { sendFailure, type Failure } from "./errors.ts";
import { Exchange, type ExchangeContext } from "./exchange.ts";
import type { FunctionWatch } from "./functions.ts";
import { splitName, toKey, type FunctionReference } from "./names.ts";
import { PREFIX, splitFunctionPath, type Target } from "./paths.ts";
import { sendPageNotFound } from "./plain.ts";

export interface InvokeContext extends ExchangeContext {
  functions: FunctionWatch;
  functionNamespace: string;
}

/** A request that came in, its target split and cleaned. */
export interface Incoming {
  request: IncomingMessage;
  response: ServerResponse;
  target: Target;
}

/** Answers a call of a function. */
export function invoke(
  context: InvokeContext,
  { request, response, target: sent }: Incoming,
): void {
  const { path, query } = sent;
  const split = splitFunctionPath(path, PREFIX.sync);
  if (split === undefined) {
    sendPageNotFound(response);
    return;
  }
  const reference = splitName(split.segment, context.functionNamespace);
  const call = beginCall(request);
  const failure = findFailure(context.functions, reference);
  if (failure !== undefined) {
    sendFailure(request, response, { failure, own: call.own });
    return;
  }
  const target = `${split.rest === "" ? "/" : split.rest}${query}`;
  new Exchange({ context, request, response, call, reference, target }).start();
}

/** Why a function cannot be called: it does not exist, or nobody knows yet. */
export function findFailure(
  functions: FunctionWatch,
  reference: FunctionReference,
): Failure | undefined {
  if (functions.get(toKey(reference)) !== undefined) {
    return undefined;
  }
  return functions.hasSynced
    ? notFound(reference)
    : {
        status: 503,
        code: "PLONK_STARTING",
        message: "The gateway does not know its functions yet.",
        retryAfterSeconds: 1,
      };
}
