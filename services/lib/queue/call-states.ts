/** The last state of each call, told by whoever has changed it. */
import { headers } from "@nats-io/transport-node";
import { LRUCache } from "lru-cache";
import type { FunctionReference } from "../../../contract/index.ts";
import {
  type CallState,
  isFinal,
  readCallState,
  STREAM,
  toReference,
  toStateSubject,
} from "../../../contract/queue/index.ts";
import { say } from "./publish.ts";
import type { QueueAccess, QueueLink } from "./queue-link.ts";

/** Ends of calls that are told again when NATS has forgotten them. */
const MAX_ENDS = 10_000;

/** Whosever a call is. */
const ANY: FunctionReference = { namespace: "*", name: "*" };

export interface KnownCall {
  reference: FunctionReference;
  state: CallState;
}

export class CallStates {
  readonly #link: QueueLink;
  /** What was told last here of calls that are over, by subject. */
  readonly #ends = new LRUCache<string, string>({ max: MAX_ENDS });
  #since: string | undefined;

  constructor(link: QueueLink) {
    this.#link = link;
    link.onReady((access) => this.#renew(access));
  }

  /** Tells a state. Nobody waits for it: what is lost with a connection is only not shown. */
  tell(reference: FunctionReference, id: string, state: Omit<CallState, "at">): void {
    const { subject, text } = this.#keep(reference, id, state);
    say(this.#link, subject, text);
  }

  /** Tells a state; resolves when whoever asks next is answered it, or it is lost as in `tell`. */
  async store(
    reference: FunctionReference,
    id: string,
    state: Omit<CallState, "at">,
  ): Promise<void> {
    const { subject, text } = this.#keep(reference, id, state);
    try {
      await this.#link.access.store(subject, Buffer.from(text), headers());
    } catch {
      // What it is about has happened all the same.
    }
  }

  #keep(
    reference: FunctionReference,
    id: string,
    state: Omit<CallState, "at">,
  ): { subject: string; text: string } {
    const text = JSON.stringify({ ...state, at: Date.now() } satisfies CallState);
    const subject = toStateSubject(reference, id);
    if (isFinal(state)) {
      this.#ends.set(subject, text);
    }
    return { subject, text };
  }

  /**
   * A NATS that was started again has no states. Of calls that are over it is told again: a message
   * of one that comes back with NATS' disk would be run once more.
   */
  #renew({ connection, statesSince }: QueueAccess): void {
    if (this.#since !== undefined && this.#since !== statesSince) {
      // The newest comes first.
      for (const [subject, text] of [...this.#ends].reverse()) {
        connection.publish(subject, text);
      }
    }
    this.#since = statesSince;
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
