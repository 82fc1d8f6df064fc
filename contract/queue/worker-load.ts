/** What a queue-worker says of itself, so that nobody takes it away while it is needed. */
import { type Static, Type } from "typebox";
import { isValid } from "../schema-findings.ts";

/** How often each worker says it, milliseconds. */
export const LOAD_INTERVAL_MS = 1000;

/** What one worker does, said on a subject of its own below SUBJECT.load. */
export const WorkerLoad = Type.Object({
  /** Calls and callbacks that it works on. */
  running: Type.Integer({ minimum: 0 }),
  /** How long it has worked on the one that it took first, milliseconds; 0: there is none. */
  longestMs: Type.Integer({ minimum: 0 }),
});
export type WorkerLoad = Static<typeof WorkerLoad>;

/** Reads what a worker has said; undefined where it is something else. */
export function readWorkerLoad(payload: Uint8Array): WorkerLoad | undefined {
  try {
    const load: unknown = JSON.parse(new TextDecoder().decode(payload));
    return isValid(WorkerLoad, load) ? load : undefined;
  } catch {
    return undefined;
  }
}
