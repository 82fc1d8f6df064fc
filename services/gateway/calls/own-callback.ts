/** Callbacks to the platform's own functions: with the rights of the caller who asks for them. */
import type { IncomingMessage } from "node:http";
import { CALL_HEADER, toCanonicalName } from "../../../contract/index.ts";
import { toCallbackToken, writeCallbackProof } from "../../../contract/queue/index.ts";
import { isOwnFunction } from "../../lib/queue/own-functions.ts";
import type { CallGuard } from "../auth/call-guard.ts";
import { ANY_BODY } from "../auth/queue-mark.ts";
import type { QueueMarks } from "../auth/queue-marks.ts";
import { type Failure, failures } from "../errors.ts";
import { removeHeader } from "../http/headers.ts";
import { cleanPath, PREFIX, splitFunctionPath } from "../http/paths.ts";
import type { FunctionState, FunctionStates } from "./function-states.ts";

/** The function that a callback calls. */
export interface OwnCallback {
  state: FunctionState;
  /** Path and query behind its name. */
  rest: string;
}

/** Finds the function; undefined for a callback that leaves the platform, or for none. */
export function findOwnCallback(
  { states, queueRules }: { states: FunctionStates; queueRules: { ownHosts: readonly string[] } },
  url: URL | undefined,
): OwnCallback | Failure | undefined {
  if (url === undefined || !isOwnFunction(url, queueRules.ownHosts)) {
    return undefined;
  }
  const path = cleanPath(url.pathname);
  const prefix = path.startsWith(PREFIX.async) ? PREFIX.async : PREFIX.sync;
  const split = splitFunctionPath(path, prefix);
  const state = split && states.find(split.segment);
  if (split === undefined || state === undefined) {
    const field = toCanonicalName(CALL_HEADER.callbackUrl);
    const message = `${field}: expected a function of the platform, got one that there is not`;
    return failures.badCallbackUrl(message);
  }
  return { state, rest: `${split.rest}${url.search}` };
}

/**
 * Whether the caller may call the function itself. One who may has shown credentials, which are no
 * business of the function that is called first.
 *
 * @param guard undefined: there are no credentials, and everybody may
 * @param asked the request as it came, see `keepHeaders`
 */
export async function checkOwnCallback(
  { guard, marks }: { guard: CallGuard | undefined; marks: QueueMarks },
  { request, asked }: { request: IncomingMessage; asked: IncomingMessage },
  { state }: OwnCallback,
): Promise<Failure | undefined> {
  if (!state.isPrivate || guard === undefined) {
    return undefined;
  }
  const failure = await guard.check(asked, state.resource);
  if (failure === undefined) {
    removeHeader(request, "authorization");
  }
  return failure ?? (marks.canMark ? undefined : failures.noQueueKey());
}

/** The proof that the callback takes along; undefined where it needs none. */
export function proveCallback(
  { guard, marks }: { guard: CallGuard | undefined; marks: QueueMarks },
  { state, rest }: OwnCallback,
  nonce: string,
): string | undefined {
  if (!state.isPrivate || guard === undefined) {
    return undefined;
  }
  const token = toCallbackToken(nonce);
  const call = { functionKey: state.key, method: "POST", target: rest, token };
  const mark = marks.make(call, ANY_BODY);
  return mark && writeCallbackProof({ nonce, mark });
}

/** The request as it is now: a check that succeeds takes the credentials out of its headers. */
export function keepHeaders(request: IncomingMessage): IncomingMessage {
  return Object.create(request, {
    headers: { value: { ...request.headers } },
    rawHeaders: { value: [...request.rawHeaders] },
  }) as IncomingMessage;
}
