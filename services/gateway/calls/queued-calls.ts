/** Queued calls for who looks at them, and their cancellation. */
import type { AsyncCall, FunctionReference } from "../../../contract/index.ts";
import {
  type CallState,
  type CallStateName,
  isFinal,
  parseCallId,
  readFields,
  STREAM,
  SUBJECT,
  toCallId,
  toLane,
  toReference,
} from "../../../contract/queue/index.ts";
import { say } from "../../lib/queue/publish.ts";
import type { QueueAccess } from "../../lib/queue/queue-link.ts";
import type { AsyncPublisher } from "./async-publisher.ts";
import { pickCallFields, readCall, toShownCall } from "./shown-call.ts";
import { deleteMessage, findMessage, type ReadMessage } from "./stream-reader.ts";
import { type CallFilter, readTold, selectTold, type ToldCall, toTokens } from "./told-states.ts";

/** Most that one look at the queue reads of it. */
const WALK = { messages: 1000, bytes: 32 * 1024 * 1024 };

export interface CallQuery extends CallFilter {
  state?: CallStateName | undefined;
  limit: number;
  /** Only calls that are behind this place. */
  after: number;
}

export interface CallPage {
  calls: AsyncCall[];
  /** There may be more: what `after` is next. */
  next?: number;
}

/** A call as it was found. */
export interface FoundCall {
  id: string;
  reference: FunctionReference;
  /** Undefined: nobody has told anything of it yet. */
  state: CallState | undefined;
  /** Undefined: it is not in the queue any more. */
  message: ReadMessage | undefined;
}

export class QueuedCalls {
  readonly #queue: AsyncPublisher;

  constructor(queue: AsyncPublisher) {
    this.#queue = queue;
  }

  /** Finds a call; undefined where there is none, or none of which anything is known any more. */
  async find(id: string): Promise<FoundCall | undefined> {
    // It becomes a part of a subject, where `*` means anybody's.
    if (parseCallId(id) === undefined) {
      return undefined;
    }
    const message = await this.#findMessage(id);
    const told = await this.#queue.states.read(id);
    const reference = message === undefined ? told?.reference : toReference(message.subject);
    return reference === undefined ? undefined : { id, reference, state: told?.state, message };
  }

  /**
   * Calls in the order in which they were accepted, the oldest first, as JetStream finds the next
   * message of a subject at once but no earlier one. With a million of calls a page costs what it
   * costs with a hundred: the told states (at most 8 MiB, in memory) are read whole, and say which
   * calls run, wait for another run or are over; of the queue itself a page reads one message for
   * each call that it shows. Only a search for calls that nobody has taken yet passes over others,
   * and ends after WALK, where the next page goes on. Consumers, which could leave the bodies out,
   * are not to be had: a stream that is a work queue has no second one for the workers' messages.
   */
  async list(query: CallQuery): Promise<CallPage> {
    const { access } = this.#queue.link;
    if (query.state === undefined) {
      return this.#listAll(access, query);
    }
    const told = await readTold(access, query);
    return query.state === "queued"
      ? this.#listQueued(access, told, query)
      : this.#listTold(access, told, query);
  }

  /**
   * Takes a call out of the queue, and ends its run where it runs. Resolves to false when it was
   * over in the meantime.
   */
  async cancel({ id, reference, state, message }: FoundCall): Promise<boolean> {
    const { manager } = this.#queue.link.access;
    if (message === undefined || !(await deleteMessage(manager, STREAM.calls, message.sequence))) {
      return false;
    }
    const { attempts, starts } = state ?? { attempts: 0, starts: 0 };
    // A worker that is given it all the same reads this first; and who asks after the answer, too.
    const told = this.#queue.states.store(reference, id, { state: "cancelled", attempts, starts });
    say(this.#queue.link, `${SUBJECT.cancel}.${id}`);
    await told;
    const body = readCall(message)?.body;
    if (body !== undefined) {
      await this.#queue.forget(body);
    }
    return true;
  }

  async #findMessage(id: string): Promise<ReadMessage | undefined> {
    const place = parseCallId(id);
    if (place === undefined) {
      return undefined;
    }
    const { manager } = this.#queue.link.access;
    const message = await findMessage(manager, STREAM.calls, { seq: place.sequence });
    return message !== undefined && nonceOf(message) === place.nonce ? message : undefined;
  }

  /** Calls in the queue, and between them those that are over. */
  async #listAll(access: QueueAccess, query: CallQuery): Promise<CallPage> {
    const { limit, after } = query;
    const { calls, reached } = await walk(access, query, () => true);
    // Only then: a call that has left the queue before it was come to is over by now.
    const told = await readTold(access, query);
    const over = selectTold(told, (each) => isFinal({ state: each })).filter(
      ({ sequence }) => sequence > after && sequence <= reached,
    );
    const all = [
      ...calls.flatMap((each) => withState(each, told.get(each.call.id))),
      ...over.map((each) => ({ ...each, call: toShownCall(each, each) })),
    ];
    all.sort((a, b) => a.sequence - b.sequence);
    const shown = all.slice(0, limit);
    return toPage(shown, all.length > limit ? shown.at(-1)?.sequence : reached);
  }

  /** Calls that nobody has taken yet. */
  async #listQueued(
    access: QueueAccess,
    told: ReadonlyMap<string, ToldCall>,
    query: CallQuery,
  ): Promise<CallPage> {
    const { calls, reached } = await walk(access, query, (id) => {
      return (told.get(id)?.state.state ?? "queued") === "queued";
    });
    return toPage(calls, reached);
  }

  async #listTold(
    { manager }: QueueAccess,
    told: ReadonlyMap<string, ToldCall>,
    { state: wanted, limit, after }: CallQuery,
  ): Promise<CallPage> {
    const all = selectTold(told, (each) => each === wanted);
    const rest = all.filter(({ sequence }) => sequence > after);
    const shown = rest.slice(0, limit);
    const calls: AsyncCall[] = [];
    for (const each of shown) {
      const isOver = isFinal(each.state);
      const query = { seq: each.sequence };
      const message = isOver ? undefined : await findMessage(manager, STREAM.calls, query);
      // What is told to run and is not in the queue has just come to its end.
      if (isOver || message !== undefined) {
        calls.push(toShownCall(each, { state: each.state, message }));
      }
    }
    const next = shown.at(-1)?.sequence;
    return { calls, ...(rest.length > limit && next !== undefined && { next }) };
  }
}

interface ListedCall {
  sequence: number;
  /** As its message has it. */
  call: AsyncCall;
}

interface Walked {
  calls: ListedCall[];
  /** The last place that was looked at; Infinity: there is nothing behind it. */
  reached: number;
}

async function walk(
  { manager }: QueueAccess,
  query: CallQuery,
  isWanted: (id: string) => boolean,
): Promise<Walked> {
  const subject = toLane(toTokens(query), "*");
  const calls: ListedCall[] = [];
  let reached = query.after;
  for (let left = WALK.messages, bytes = 0; left > 0 && bytes < WALK.bytes; left--) {
    if (calls.length === query.limit) {
      break;
    }
    const next = { seq: reached + 1, next_by_subj: subject };
    const message = await findMessage(manager, STREAM.calls, next);
    if (message === undefined) {
      return { calls, reached: Infinity };
    }
    reached = message.sequence;
    bytes += message.bytes;
    const call = toListed(message);
    if (call !== undefined && isWanted(call.id)) {
      calls.push({ sequence: reached, call });
    }
  }
  return { calls, reached };
}

/** Undefined for what is no call. */
function toListed(message: ReadMessage): AsyncCall | undefined {
  const nonce = nonceOf(message);
  if (nonce === undefined || readCall(message) === undefined) {
    return undefined;
  }
  const id = toCallId({ sequence: message.sequence, nonce });
  return toShownCall({ id, reference: toReference(message.subject) }, { message });
}

/** With what was told of it; nothing for one that is over and only not deleted yet. */
function withState(listed: ListedCall, told: ToldCall | undefined): ListedCall[] {
  if (told === undefined) {
    return [listed];
  }
  const call = { ...toShownCall(told, { state: told.state }), ...pickCallFields(listed.call) };
  return isFinal(told.state) ? [] : [{ ...listed, call }];
}

function toPage(listed: readonly ListedCall[], last: number | undefined): CallPage {
  return {
    calls: listed.map(({ call }) => call),
    ...(last !== undefined && last !== Infinity && { next: last }),
  };
}

function nonceOf({ fields }: ReadMessage): string | undefined {
  return readFields(fields).head["Plonk-Nonce"];
}
