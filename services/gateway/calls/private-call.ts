/** Who may make a call of a private function: its caller, or a queue-worker with a mark for it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { CALL_HEADER } from "../../../contract/index.ts";
import { QUEUE } from "../../../contract/queue/index.ts";
import { guard } from "../../lib/faults.ts";
import type { CallGuard } from "../auth/call-guard.ts";
import { ANY_BODY, type MarkReading, toBodyDigest } from "../auth/queue-mark.ts";
import type { QueueMarks } from "../auth/queue-marks.ts";
import { type Failure, failures } from "../errors.ts";
import { onceClosed, send100Continue } from "../http/guard/index.ts";
import { removeHeader } from "../http/headers.ts";
import { hasBody, readBody } from "../http/request-body.ts";
import type { Admission } from "./admission.ts";
import type { Call } from "./call.ts";
import type { FunctionState } from "./function-states.ts";
import { limitReading, type ReadLimitContext } from "./read-limit.ts";

export interface PrivateContext extends ReadLimitContext {
  guard: CallGuard;
  marks: QueueMarks;
  admission: Admission;
}

export interface PrivateCall {
  request: IncomingMessage;
  response: ServerResponse;
  call: Call;
  state: FunctionState;
  /** Path and query behind the function's name, as they were sent. */
  rest: string;
}

/** Whether a call may be made. A body that is given has been read, and is the one to be sent. */
export type Entry = { failure: Failure } | { body?: Buffer };

/** Checks a call; of one with a mark the whole body is read before any of it is sent. */
export async function enterPrivate(context: PrivateContext, entering: PrivateCall): Promise<Entry> {
  const { request, state } = entering;
  const reading = readMark(context.marks, entering);
  if (reading.kind === "unknown key") {
    return { failure: failures.unknownKey() };
  }
  if (reading.kind === "ours") {
    removeHeader(request, "authorization");
    return reading.bodyDigest === ANY_BODY ? {} : receive(context, entering, reading.bodyDigest);
  }
  const failure = await context.guard.check(request, state.resource);
  return failure === undefined ? {} : { failure };
}

/** Checks a call that is to be queued: by its caller, or as a callback of another one's. */
export async function admitPrivate(
  { guard, marks }: Pick<PrivateContext, "guard" | "marks">,
  entering: Omit<PrivateCall, "response" | "call">,
): Promise<Failure | undefined> {
  const { request, state } = entering;
  const reading = readMark(marks, entering);
  if (reading.kind === "unknown key") {
    return failures.unknownKey();
  }
  // The mark of a queued call is for that call alone, and not to queue another one.
  if (reading.kind === "ours" && reading.bodyDigest === ANY_BODY) {
    removeHeader(request, "authorization");
    return undefined;
  }
  return guard.check(request, state.resource);
}

function readMark(
  marks: QueueMarks,
  { request, state, rest }: Pick<PrivateCall, "request" | "state" | "rest">,
): MarkReading {
  const { [CALL_HEADER.admitted]: mark, [CALL_HEADER.queued]: token } = request.headers;
  const method = request.method ?? "";
  return typeof mark === "string" && typeof token === "string"
    ? marks.read({ functionKey: state.key, method, target: rest, token }, mark)
    : { kind: "not ours" };
}

async function receive(
  context: PrivateContext,
  { request, response, call, state }: PrivateCall,
  bodyDigest: string,
): Promise<Entry> {
  const bytes = declaredLength(request) ?? QUEUE.maxBodyBytes;
  const failure =
    bytes > QUEUE.maxBodyBytes ? failures.notAdmitted() : context.admission.hold(state, bytes);
  if (failure !== undefined) {
    return { failure };
  }
  const release = guard(() => context.admission.release(state, bytes));
  onceClosed(request, response, release);
  limitReading(context, { request, response }, call.own);
  send100Continue(request, response);
  const body = hasBody(request)
    ? await new Promise<Buffer | undefined>((resolve, reject) =>
        readBody(request, bytes, { done: resolve, fault: reject }),
      )
    : Buffer.alloc(0);
  return body !== undefined && toBodyDigest(body) === bodyDigest
    ? { body }
    : { failure: failures.notAdmitted() };
}

/** Length of a body by its header; undefined where only its end will tell. */
export function declaredLength({ headers }: IncomingMessage): number | undefined {
  const isChunked = headers["transfer-encoding"] !== undefined;
  return isChunked ? undefined : Number(headers["content-length"] ?? 0);
}
