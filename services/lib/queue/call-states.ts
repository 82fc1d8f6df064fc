/** The last state of each call, told by whoever has changed it. */
import { JetStreamApiError } from "@nats-io/jetstream";
import type { FunctionReference } from "../../../contract/index.ts";
import { CallState, STREAM, toReference, toStateSubject } from "../../../contract/queue/index.ts";
import { isValid } from "../../../contract/schema-findings.ts";
import type { QueueLink } from "./queue-link.ts";

/** JetStream's `no message found`. */
const NO_MESSAGE = 10_037;

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
    try {
      const query = { last_by_subj: `faas-state.*.*.${id}` };
      const message = await manager.streams.getMessage(STREAM.states, query);
      const state: unknown = message?.json();
      return message !== null && isValid(CallState, state)
        ? { reference: toReference(message.subject), state }
        : undefined;
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === NO_MESSAGE) {
        return undefined;
      }
      throw error;
    }
  }
}
