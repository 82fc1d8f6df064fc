/** The last told states of many calls at once. */
import type { FunctionReference } from "../../../contract/index.ts";
import {
  type CallStateName,
  parseCallId,
  readCallState,
  STREAM,
  toReference,
  toStateSubject,
} from "../../../contract/queue/index.ts";
import type { KnownCall } from "../../lib/queue/call-states.ts";
import type { QueueAccess } from "../../lib/queue/queue-link.ts";
import { readMessages } from "./stream-reader.ts";

/** Calls of one function, or of all in a namespace. */
export interface CallFilter {
  namespace: string;
  functionName?: string | undefined;
}

/** A call of which something was told. */
export interface ToldCall extends KnownCall {
  id: string;
  sequence: number;
}

/** What stands for the functions of a filter in a subject. */
export function toTokens({ namespace, functionName = "*" }: CallFilter): FunctionReference {
  return { namespace, name: functionName };
}

/**
 * What was told of the calls of a filter, by their ids. The stream of the states is small (it is
 * cut at 8 MiB), so all of them are read.
 */
export async function readTold(
  access: QueueAccess,
  filter: CallFilter,
): Promise<Map<string, ToldCall>> {
  const subjects = [toStateSubject(toTokens(filter), "*")];
  const section = { stream: STREAM.states, subjects, from: 1, hasPayloads: true };
  const told = new Map<string, ToldCall>();
  for (const { subject, payload } of await readMessages(access, section, Infinity)) {
    const id = subject.slice(subject.lastIndexOf(".") + 1);
    const sequence = parseCallId(id)?.sequence;
    const state = readCallState(payload);
    if (sequence !== undefined && state !== undefined) {
      told.set(id, { id, sequence, reference: toReference(subject), state });
    }
  }
  return told;
}

/** Those in one of the states, the oldest calls first. */
export function selectTold(
  told: ReadonlyMap<string, ToldCall>,
  isWanted: (state: CallStateName) => boolean,
): ToldCall[] {
  return [...told.values()]
    .filter(({ state }) => isWanted(state.state))
    .sort((a, b) => a.sequence - b.sequence);
}
