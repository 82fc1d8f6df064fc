/** What is known of an accepted call, as `GET /async/calls/<id>` tells it. */
import { type Static, Type } from "typebox";
import { isValid } from "../schema-findings.ts";
import { CALL_STATES } from "./state-names.ts";

/** The last state that a worker, or a gateway, has told of a call. */
export const CallState = Type.Object({
  state: Type.Enum([...CALL_STATES]),
  /** Runs that ended with a status for which the function's policy counts. */
  attempts: Type.Integer({ minimum: 0 }),
  /** Runs that began; one that has no end was cut with its worker. */
  starts: Type.Integer({ minimum: 0 }),
  /** Of the last answer; 0: there was none. */
  status: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Why it is to be run again, or dead: a phrase without callers' data. */
  reason: Type.Optional(Type.String()),
  /** When this was told, and when the next run is due, Unix milliseconds. */
  at: Type.Integer(),
  nextAt: Type.Optional(Type.Integer()),
});
export type CallState = Static<typeof CallState>;

/** Reads what was told; undefined where it is no state. */
export function readCallState(payload: Uint8Array): CallState | undefined {
  try {
    const state: unknown = JSON.parse(new TextDecoder().decode(payload));
    return isValid(CallState, state) ? state : undefined;
  } catch {
    return undefined;
  }
}
