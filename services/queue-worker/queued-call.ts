/** From a delivered message to a call: whose it is, and what the function is to get. */
import { CALL_HEADER, type FunctionReference, toDisplayName } from "../../contract/index.ts";
import {
  decodeCall,
  type QueuedCall,
  toCallId,
  toCallTarget,
  toQueuedToken,
} from "../../contract/queue/index.ts";
import { HOP_BY_HOP, listedInConnection } from "../lib/hop-by-hop.ts";
import { VERSION } from "../lib/version.ts";
import type { Delivery } from "./delivery.ts";

/** What the worker says it is, to functions and to callbacks. */
export const USER_AGENT = `plonk-queue-worker/${VERSION}`;

/** One call, ready to be made. */
export interface FunctionCall {
  queued: QueuedCall;
  /** By which it is found, cancelled and told of. */
  id: string;
  reference: FunctionReference;
  /** `name.namespace`. */
  functionName: string;
  /** Path and query on the gateway. */
  target: string;
  headers: Record<string, string[]>;
  /** The caller's X-Call-Id, or the id. */
  callId: string;
}

/** Reads a message of ours; throws a MalformedMessageError. */
export function toFunctionCall({ fields, payload, sequence }: Delivery): FunctionCall {
  const queued = decodeCall(fields, payload);
  const { reference, nonce } = queued;
  const id = toCallId({ sequence, nonce });
  const functionName = toDisplayName(reference);
  const callId = findHeader(queued.headers, CALL_HEADER.callId)[0] ?? id;
  return {
    queued,
    id,
    reference,
    functionName,
    target: `/function/${functionName}${toCallTarget(queued)}`,
    headers: {
      ...toHeaders(queued.headers),
      "X-Call-Id": [callId],
      "User-Agent": [USER_AGENT],
      ...toProof(queued),
    },
    callId,
  };
}

/** Beside the mark of a private function's call, what of the message it is about. */
function toProof(queued: QueuedCall): Record<string, string[]> {
  const isMarked = findHeader(queued.headers, CALL_HEADER.admitted).length > 0;
  return isMarked ? { "X-Plonk-Queued": [toQueuedToken(queued)] } : {};
}

/** Of one hop (RFC 9110 §7.6.1), or set anew for each call. */
const DROPPED = new Set<string>([
  ...HOP_BY_HOP,
  "host",
  "expect",
  "content-length",
  "user-agent",
  CALL_HEADER.startTime,
  CALL_HEADER.callId,
  CALL_HEADER.queued,
  CALL_HEADER.keepResultSeconds,
]);

function toHeaders(header: Record<string, string[]>): Record<string, string[]> {
  const listed = listedInConnection(findHeader(header, "connection").join());
  return Object.fromEntries(
    Object.entries(header).filter(([name]) => {
      const plain = name.toLowerCase();
      return !DROPPED.has(plain) && listed?.has(plain) !== true;
    }),
  );
}

function findHeader(header: Record<string, string[]>, wanted: string): string[] {
  return Object.entries(header)
    .filter(([name]) => name.toLowerCase() === wanted)
    .flatMap(([, values]) => values);
}
