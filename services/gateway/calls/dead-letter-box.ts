/** Dead letters for who looks at them: shown, put into the queue again, or deleted. */
import type {
  DeadLetterSummary,
  FunctionReference,
  PurgeResult,
  RedrivenLetter,
  RedriveResult,
} from "../../../contract/index.ts";
import {
  decodeCallback,
  MalformedMessageError,
  NOBODY,
  readFields,
  readLetter,
  STREAM,
  toCallbackLane,
  toDeadSubject,
  toHostToken,
  withoutLetter,
} from "../../../contract/queue/index.ts";
import { publish } from "../../lib/queue/publish.ts";
import type { QueueMarks } from "../auth/queue-marks.ts";
import { type AsyncPublisher, MessageTooLargeError } from "./async-publisher.ts";
import { toRedriven } from "./redriven-call.ts";
import { ownerOf, toSummary } from "./shown-letter.ts";
import {
  deleteMessage,
  findMessage,
  readLast,
  type ReadMessage,
  readMessages,
} from "./stream-reader.ts";
import { type CallFilter, toTokens } from "./told-states.ts";

/** Letters that a purge reads at once, and how often it goes on. */
const PURGE = { messages: 1000, rounds: 10 };

export interface DeadLetterBoxOptions {
  queue: AsyncPublisher;
  /** The platform's own namespace, to which letters belong that name no function. */
  home: string;
  /** The queue that a function has now. */
  queueOf: (reference: FunctionReference) => string;
  /** The marks of private functions' calls. */
  marks: QueueMarks;
}

export interface LetterPage {
  /** The newest first. */
  letters: DeadLetterSummary[];
  /** There may be more: what `before` is next. */
  next?: number;
}

/** Which letters are meant, beside their function. */
export interface LetterRange extends CallFilter {
  /** Only letters before this place. @default all */
  before?: number | undefined;
}

export class DeadLetterBox {
  readonly #options: DeadLetterBoxOptions;

  constructor(options: DeadLetterBoxOptions) {
    this.#options = options;
  }

  /** The newest letters; only their fields are read, and of the stream only what is shown. */
  async list(range: LetterRange & { limit: number }): Promise<LetterPage> {
    const { queue, home } = this.#options;
    const { access } = queue.link;
    const { state } = await access.manager.streams.info(STREAM.dead);
    const section = { stream: STREAM.dead, subjects: toSubjects(range) };
    const { limit } = range;
    const before = Math.min(range.before ?? Infinity, state.last_seq + 1);
    const read = await readLast(access, section, { first: state.first_seq, before, limit });
    const owned = read.filter((message) => this.#isOf(message, range));
    const shown = owned.slice(-limit);
    const next = owned.length > limit ? shown[0]?.sequence : read[0]?.sequence;
    return {
      letters: shown.map((message) => toSummary(message, home)).reverse(),
      ...(read.length >= limit && next !== undefined && { next }),
    };
  }

  /** Undefined where there is none. */
  find(sequence: number): Promise<ReadMessage | undefined> {
    const { manager } = this.#options.queue.link.access;
    return findMessage(manager, STREAM.dead, { seq: sequence });
  }

  /**
   * Puts a letter's message into the queue again, and deletes the letter when it is there. Doing
   * it twice, as after a broken connection, queues it once. Throws a MalformedMessageError for one
   * that no attempt can make a call of, and what `AsyncPublisher.publish` throws.
   */
  async redrive(letter: ReadMessage): Promise<RedrivenLetter> {
    const { queue, marks, queueOf } = this.#options;
    const { kind, diedAt } = readLetter(letter.fields);
    const messageId = `redriven ${letter.sequence} ${diedAt}`;
    if (kind === "call") {
      const call = toRedriven(letter, marks);
      const { id } = await queue.publish(call, { queue: queueOf(call.reference), messageId });
      await this.#delete(letter.sequence);
      return id === undefined ? {} : { id };
    }
    if (kind !== "callback") {
      const finding = { field: "letter", expected: "a call or a callback", got: "another message" };
      throw new MalformedMessageError([finding]);
    }
    const { url, id } = decodeCallback(letter.fields, letter.payload);
    await publish(queue.link.access, {
      subject: toCallbackLane(toHostToken(url)),
      fields: withoutLetter(letter.fields),
      payload: letter.payload,
      messageId,
    });
    await this.#delete(letter.sequence);
    return { id };
  }

  /** Redrives some letters, the oldest first. */
  async redriveAll(range: LetterRange & { limit: number; after: number }): Promise<RedriveResult> {
    const { limit, after } = range;
    const found = await this.#readOldest(range, { from: after + 1, limit });
    const counts = { redriven: 0, refused: 0 };
    for (const { sequence } of found.filter((message) => this.#isOf(message, range))) {
      const letter = await this.find(sequence);
      if (letter !== undefined) {
        const isDone = await this.redrive(letter).then(() => true, toRefusal);
        counts[isDone ? "redriven" : "refused"] += 1;
      }
    }
    const next = found.length === limit ? found.at(-1)?.sequence : undefined;
    return { ...counts, ...(next !== undefined && { next }) };
  }

  /** Deletes a letter, and the body that is kept beside it. */
  async remove(letter: ReadMessage): Promise<void> {
    await this.#forgetBody(letter);
    await this.#delete(letter.sequence);
  }

  /** Deletes letters, the oldest first, up to a number that takes seconds. */
  async purge(range: LetterRange): Promise<PurgeResult> {
    const { manager } = this.#options.queue.link.access;
    const filter = toDeadSubject(toTokens(range));
    let deleted = 0;
    let from = 1;
    let isComplete = false;
    for (let round = 0; round < PURGE.rounds && !isComplete; round++) {
      const found = await this.#readOldest(range, { from, limit: PURGE.messages });
      const owned = found.filter((message) => this.#isOf(message, range));
      for (const letter of owned) {
        await this.#forgetBody(letter);
      }
      const last = found.at(-1);
      if (last === undefined) {
        // JetStream takes a purge up to the first place for one of everything.
        return { deleted, isComplete: true };
      }
      const seq = last.sequence + 1;
      // What has no function's subject is one among others.
      const others = owned.filter(({ subject }) => subject === NOBODYS);
      deleted += (await manager.streams.purge(STREAM.dead, { filter, seq })).purged;
      for (const { sequence } of others) {
        await this.#delete(sequence);
      }
      deleted += others.length;
      from = seq;
      isComplete = found.length < PURGE.messages;
    }
    return { deleted, isComplete };
  }

  async #readOldest(
    { before = Infinity, ...filter }: LetterRange,
    { from, limit }: { from: number; limit: number },
  ): Promise<ReadMessage[]> {
    const { access } = this.#options.queue.link;
    const section = { stream: STREAM.dead, subjects: toSubjects(filter), from };
    const found = await readMessages(access, section, limit);
    return found.filter(({ sequence }) => sequence < before);
  }

  #isOf(message: ReadMessage, { namespace, functionName }: CallFilter): boolean {
    const owner = ownerOf(message, this.#options.home);
    return (
      owner.namespace === namespace &&
      (functionName === undefined || owner.functionName === functionName)
    );
  }

  async #forgetBody({ fields }: ReadMessage): Promise<void> {
    const name = readFields(fields).head["Plonk-Body"];
    if (name !== undefined) {
      await this.#options.queue.forget({ name, bytes: 0 });
    }
  }

  /** It is not missed where somebody else has deleted it. */
  async #delete(sequence: number): Promise<void> {
    const { manager } = this.#options.queue.link.access;
    await deleteMessage(manager, STREAM.dead, sequence);
  }
}

/** Where letters are that belong to no lane of a function's. */
const NOBODYS = toDeadSubject(NOBODY);

function toSubjects(filter: CallFilter): string[] {
  return [toDeadSubject(toTokens(filter)), NOBODYS];
}

function toRefusal(error: unknown): false {
  if (error instanceof MalformedMessageError || error instanceof MessageTooLargeError) {
    return false;
  }
  throw error;
}
