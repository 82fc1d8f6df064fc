/** What the gateway keeps about one call: its ids, and the headers that tell the caller. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { VERSION } from "../../lib/version.ts";
import { type CallHeaders, callIdOf } from "../http/headers.ts";

/** Value of X-Served-By. */
const SERVED_BY = `plonk/${VERSION}`;

export interface Call extends CallHeaders {
  /** Response headers of the gateway's own, flat. */
  own: readonly string[];
  /** `performance.now()` at the start. */
  startedAt: number;
}

/** A call that begins now; the caller's X-Call-Id stays. */
export function beginCall(request: IncomingMessage): Call {
  const callId = callIdOf(request.headers) ?? randomUUID();
  const startTime = `${Date.now()}000000`;
  return {
    callId,
    startTime,
    own: ["X-Call-Id", callId, "X-Start-Time", startTime, "X-Served-By", SERVED_BY],
    startedAt: performance.now(),
  };
}
