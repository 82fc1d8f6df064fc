/** What is shown of a call: never its headers, its query or its body. */
import { CALL_HEADER } from "../../../contract/call-headers.ts";
import type { AsyncCall, FunctionReference } from "../../../contract/index.ts";
import {
  type CallState,
  decodeCall,
  isFinal,
  type QueuedCall,
} from "../../../contract/queue/index.ts";
import type { ReadMessage } from "./stream-reader.ts";

/** The call in a message; undefined where it is none, which a worker will find, too. */
export function readCall({ fields, payload }: ReadMessage): QueuedCall | undefined {
  try {
    return decodeCall(fields, payload);
  } catch {
    return undefined;
  }
}

/** What only the message tells. */
const CALL_FIELDS = ["callId", "acceptedAt", "expiresAt", "method", "path", "bytes"] as const;
type CallFields = Pick<AsyncCall, (typeof CALL_FIELDS)[number]>;

export function toCallFields(call: QueuedCall, id: string, bytes: number): CallFields {
  const { acceptedAt, expiresAt, method, path, body, headers } = call;
  const [, [callId] = []] =
    Object.entries(headers).find(([name]) => name.toLowerCase() === CALL_HEADER.callId) ?? [];
  return {
    callId: callId ?? id,
    acceptedAt: toTime(acceptedAt),
    ...(expiresAt !== undefined && { expiresAt: toTime(expiresAt) }),
    method,
    path,
    bytes: Buffer.isBuffer(body) ? bytes : body.bytes,
  };
}

/** Of what is shown, that which only the message tells. */
export function pickCallFields(shown: Partial<CallFields>): Partial<CallFields> {
  return Object.fromEntries(
    CALL_FIELDS.flatMap((name) => (shown[name] === undefined ? [] : [[name, shown[name]]])),
  );
}

/**
 * A call, by what was told of it and by its message, where either is there. Of one that is over the
 * message says nothing: it may be there for a moment longer.
 */
export function toShownCall(
  { id, reference }: { id: string; reference: FunctionReference },
  { state, message }: { state?: CallState | undefined; message?: ReadMessage | undefined },
): AsyncCall {
  const isOver = state !== undefined && isFinal(state);
  const queued = isOver || message === undefined ? undefined : readCall(message);
  return {
    id,
    functionName: reference.name,
    namespace: reference.namespace,
    ...(state === undefined ? toQueuedFields(queued) : toToldFields(state)),
    ...(queued !== undefined && toCallFields(queued, id, message?.bytes ?? 0)),
  };
}

type StateFields = Pick<AsyncCall, "state" | "attempts" | "status" | "reason" | "nextAt">;

/** Nobody has told anything: it waits for its first run. */
function toQueuedFields({ notBefore = 0 }: Partial<QueuedCall> = {}): StateFields {
  const isDelayed = notBefore > Date.now();
  return { state: "queued", attempts: 0, ...(isDelayed && { nextAt: toTime(notBefore) }) };
}

function toToldFields({ state, attempts, status = 0, reason, nextAt }: CallState): StateFields {
  return {
    state,
    attempts,
    ...(status !== 0 && { status }),
    ...(reason !== undefined && { reason }),
    ...(nextAt !== undefined && { nextAt: toTime(nextAt) }),
  };
}

/** RFC 3339; a number that is no time is the nearest one since 1970. */
export function toTime(ms: number): string {
  return new Date(Math.min(Math.max(ms, 0) || 0, 8.64e15)).toISOString();
}
