/** Results of queued calls, as the workers have kept them. */
import type { StoredMsg } from "@nats-io/jetstream";
import type { FunctionReference } from "../../../contract/index.ts";
import {
  decodeResult,
  type KeptResult,
  parseCallId,
  type ResultBody,
  STREAM,
  toOverSubject,
  toPieceSubject,
  toReference,
  toResultSubject,
} from "../../../contract/queue/index.ts";
import type { AsyncPublisher } from "./async-publisher.ts";
import { findMessage } from "./stream-reader.ts";

/** Whosever a call is. */
const ANY: FunctionReference = { namespace: "*", name: "*" };

export interface FoundResult {
  id: string;
  reference: FunctionReference;
  /** Undefined: its time is over. */
  result: KeptResult | undefined;
}

export class KeptResults {
  readonly #queue: AsyncPublisher;

  constructor(queue: AsyncPublisher) {
    this.#queue = queue;
  }

  /** The last answer that was kept of a call; undefined: there is none, or none any more. */
  async find(id: string): Promise<FoundResult | undefined> {
    // It becomes a part of a subject, where `*` and `>` mean others.
    if (parseCallId(id) === undefined) {
      return undefined;
    }
    const message =
      (await this.#last(toResultSubject(ANY, id))) ?? (await this.#last(toOverSubject(ANY, id)));
    if (message === null) {
      return undefined;
    }
    const result = decodeResult(message.header, message.data);
    const isOver = result !== undefined && result.expiresAt <= Date.now();
    return {
      id,
      reference: toReference(message.subject),
      result: isOver ? undefined : result,
    };
  }

  #last(subject: string): Promise<StoredMsg | null> {
    const { manager } = this.#queue.link.access;
    return manager.streams.getMessage(STREAM.results, { last_by_subj: subject });
  }

  /** The bytes of a body in their order. Throws where some are gone. */
  async *read({ id, reference }: FoundResult, body: ResultBody): AsyncGenerator<Uint8Array, void> {
    if (Buffer.isBuffer(body)) {
      yield body;
      return;
    }
    for (const seq of body.pieces) {
      const { manager } = this.#queue.link.access;
      const piece = await findMessage(manager, STREAM.results, { seq });
      if (piece?.subject !== toPieceSubject(reference, id)) {
        throw new Error("result: a piece of it is gone");
      }
      yield piece.payload;
    }
  }
}
