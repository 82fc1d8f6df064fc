/** The last state of each call, told by whoever has changed it. */
import type { FunctionReference } from "../../../contract/index.ts";
import {
  type CallState,
  readCallState,
  STREAM,
  toReference,
  toStateSubject,
} from "../../../contract/queue/index.ts";
import type { QueueLink } from "./queue-link.ts";

/** Whosever a call is. */
const ANY: FunctionReference = { namespace: "*", name: "*" };

export interface KnownCall {
  reference: FunctionReference;
  state: CallState;
}

export class CallStates {
  readonly #link: QueueLink;

  constructor(link: QueueLink) {
    this.#link = link;
  }

  /** Tells a state. Nobody waits for it: what is lost with a connection is only not shown. */
  tell(reference: FunctionReference, id: string, state: Omit<CallState, "at">): void {
    const text = JSON.stringify({ ...state, at: Date.now() } satisfies CallState);
    try {
      this.#link.access.connection.publish(toStateSubject(reference, id), text);
    } catch {
      // Not connected: nobody could read it either.
    }
  }

  /** What was told last of a call; undefined where nothing was, or too long ago. */
  async read(id: string): Promise<KnownCall | undefined> {
    const { manager } = this.#link.access;
    const query = { last_by_subj: toStateSubject(ANY, id) };
    const message = await manager.streams.getMessage(STREAM.states, query);
    const state = message === null ? undefined : readCallState(message.data);
    return message !== null && state !== undefined
      ? { reference: toReference(message.subject), state }
      : undefined;
  }
}
