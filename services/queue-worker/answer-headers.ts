/** Of a function's answer what others get to see of it, and what the worker says of the call. */
import { CALL_HEADER } from "../../contract/index.ts";
import { HOP_BY_HOP, listedInConnection } from "../lib/hop-by-hop.ts";
import type { Run } from "./call-function.ts";
import type { FunctionCall } from "./queued-call.ts";

/** Of the answer's own hop, of its function's own site, or said by the worker itself. */
const DROPPED = new Set<string>([
  ...HOP_BY_HOP,
  "host",
  "expect",
  "content-length",
  "set-cookie",
  "user-agent",
  CALL_HEADER.durationSeconds,
  CALL_HEADER.functionStatus,
  CALL_HEADER.functionName,
  CALL_HEADER.callId,
  CALL_HEADER.callbackUrl,
  CALL_HEADER.retry,
  CALL_HEADER.retryMax,
  CALL_HEADER.truncated,
  CALL_HEADER.admitted,
  CALL_HEADER.queued,
]);

/** Headers of an answer, for a callback and for who reads its result; lists by names. */
export function toAnswerHeaders(
  call: FunctionCall,
  { headers, status, seconds, capture }: Run,
): Record<string, string[]> {
  const listed = listedInConnection([headers["connection"] ?? []].flat().join());
  const passed = Object.entries(headers).filter(
    ([name, value]) => value !== undefined && !DROPPED.has(name) && listed?.has(name) !== true,
  );
  return {
    ...Object.fromEntries(passed.map(([name, value]) => [name, [value ?? []].flat()])),
    [CALL_HEADER.durationSeconds]: [seconds.toFixed(6)],
    [CALL_HEADER.functionStatus]: [String(status === 0 ? 503 : status)],
    [CALL_HEADER.functionName]: [call.queued.calledAs ?? call.functionName],
    [CALL_HEADER.callId]: [call.callId],
    ...(capture.isTruncated && { [CALL_HEADER.truncated]: ["true"] }),
  };
}
