/** Lanes on a queue in memory: what is taken of it, and what becomes of that, a test decides. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, jest } from "@jest/globals";
import { JetStreamApiError } from "@nats-io/jetstream";
import { STREAM, toConsumerName } from "../../contract/queue/index.ts";
import type { QueueLink } from "../../services/lib/queue/queue-link.ts";
import type { Delivery } from "../../services/queue-worker/delivery.ts";
import { Lanes, type LanesOptions, type Settlement } from "../../services/queue-worker/lanes.ts";
import type { Puller } from "../../services/queue-worker/pull.ts";
import { fakeOnly } from "./clock.ts";
import { createDelivery } from "./delivery.ts";
import { createKeptLog, type KeptLog } from "./logs.ts";

/** What JetStream says of a consumer that it has made. */
const MADE = { created: "2026-11-28T00:00:00Z" };

/** One that knows of all messages. */
const BUSY: FakeConsumer = { num_pending: 0, num_ack_pending: Infinity, delivered: 0, floor: 0 };

/** A message that is worked on. */
export interface Held {
  /** Its lane's last token. */
  name: string;
  delivery: Delivery;
  settle: (settlement?: Settlement) => void;
}

type Changes = Partial<Pick<LanesOptions, "places" | "share" | "ackWaitMs" | "onDepths">>;

/** What a lane's consumer says of itself. */
export interface FakeConsumer {
  num_pending: number;
  num_ack_pending: number;
  /** Place of the last message that it has given to somebody. */
  delivered: number;
  /** Place up to which it is done with everything. */
  floor: number;
}

export class LanesWorld {
  readonly lanes: Lanes;
  readonly link: QueueLink = this.#createLink();
  readonly log: KeptLog = createKeptLog();
  /** Messages by lane that nobody has taken. */
  readonly waiting = new Map<string, number>();
  /** What was taken, in its order; those that are settled too. */
  readonly taken: string[] = [];
  readonly held: Held[] = [];
  /** What was said to messages, e.g. `a -NAK`, and of consumers, e.g. `add faas-workers_n_a`. */
  readonly said: string[] = [];
  /** Questions, also those that found nothing. */
  pulls = 0;
  /** Why no message can be had. */
  pullFailure: Error | undefined;
  /** Why no consumer can be made: JetStream's code. */
  addFailure: number | undefined;
  /** Why the queue cannot be used. */
  problem: string | undefined;
  /** Why messages cannot be told anything. */
  sayFailure: Error | undefined;
  /** Where the next message is in the stream. */
  sequence = 1;
  #looks = 0;
  readonly #looksAgain = Promise.withResolvers<undefined>();
  /** Consumers that say something of themselves, by lanes; others have nothing to do. */
  readonly consumers = new Map<string, FakeConsumer>();
  /** Places of the oldest messages of lanes. */
  readonly oldest = new Map<string, number>();
  /** When messages were stored, by their places, Unix milliseconds; those that are there. */
  readonly storedAt = new Map<number, number>();

  constructor({ places = 4, share = 2, ackWaitMs = 60_000, ...others }: Changes = {}) {
    this.lanes = new Lanes({
      link: this.link,
      logger: this.log.logger,
      stream: STREAM.calls,
      handle: (delivery) => this.#handle(delivery),
      ...{ places, share, ackWaitMs },
      ...others,
    });
  }

  start(): void {
    const puller = { pull: (_stream: string, consumer: string) => this.#pull(consumer) };
    this.lanes.start(puller as unknown as Puller);
  }

  /**
   * Has the stream answer the looks after the first one. They wait by a timer that no test can
   * fake: on a busy machine one would find what nobody has told of before a test expects it.
   */
  lookAgain(): void {
    this.#looksAgain.resolve(undefined);
  }

  /** Puts messages into a lane, in silence. */
  add(name: string, count = 1): void {
    const subject = toSubject(name);
    this.waiting.set(subject, (this.waiting.get(subject) ?? 0) + count);
  }

  /** Puts messages into a lane, and says so. */
  send(name: string, count = 1): void {
    this.add(name, count);
    this.lanes.hint(toSubject(name));
  }

  /** Settles the message that was taken first of a lane, or of all. */
  settle(name?: string, settlement?: Settlement): void {
    const index = this.held.findIndex((held) => name === undefined || held.name === name);
    const [held] = index === -1 ? [] : this.held.splice(index, 1);
    held?.settle(settlement);
  }

  #createLink(): QueueLink {
    const manager = {
      streams: {
        info: () => this.#look(),
        getMessage: (_stream: string, query: { seq: number; next_by_subj?: string }) => {
          const oldest = this.oldest.get(toName(query.next_by_subj ?? ""));
          const seq = query.next_by_subj === undefined ? query.seq : (oldest ?? 0);
          const storedAt = this.storedAt.get(seq);
          return Promise.resolve(storedAt === undefined ? null : { seq, time: new Date(storedAt) });
        },
      },
      consumers: {
        add: (_stream: string, { durable_name }: { durable_name: string }) => {
          this.said.push(`add ${durable_name}`);
          return this.addFailure === undefined
            ? Promise.resolve(MADE)
            : Promise.reject(createApiError(this.addFailure));
        },
        update: (_stream: string, name: string) => {
          this.said.push(`update ${name}`);
          return Promise.resolve(MADE);
        },
        info: (_stream: string, name: string) => {
          const [, known] =
            [...this.consumers].find(([lane]) => toConsumerName(toSubject(lane)) === name) ?? [];
          const { delivered, floor, ...counts } = known ?? BUSY;
          const places = { delivered: { stream_seq: delivered }, ack_floor: { stream_seq: floor } };
          return Promise.resolve({ ...counts, ...places });
        },
        delete: (_stream: string, name: string) => {
          this.said.push(`delete ${name}`);
          return Promise.resolve(true);
        },
      },
    };
    return { access: { manager }, problem: () => this.problem } as unknown as QueueLink;
  }

  async #look(): Promise<object> {
    this.#looks += 1;
    await (this.#looks > 1 && this.#looksAgain.promise);
    return { state: { subjects: Object.fromEntries(this.waiting) } };
  }

  async #pull(consumer: string): Promise<Delivery | undefined> {
    this.pulls += 1;
    await Promise.resolve();
    if (this.pullFailure !== undefined) {
      throw this.pullFailure;
    }
    const [subject, count = 0] =
      [...this.waiting].find(([each]) => toConsumerName(each) === consumer) ?? [];
    if (subject === undefined || count === 0) {
      return undefined;
    }
    this.waiting.set(subject, count - 1);
    const { sequence } = this;
    this.sequence += 1;
    const storedAt = this.storedAt.get(sequence) ?? 1_795_906_000_000 + sequence;
    this.storedAt.set(sequence, storedAt);
    return createDelivery({ subject, sequence, storedAt, events: this.#hear(subject) });
  }

  #hear(subject: string): string[] {
    const push = (word: string): number => {
      if (this.sayFailure !== undefined) {
        throw this.sayFailure;
      }
      return this.said.push(`${toName(subject)} ${word}`);
    };
    return { push } as unknown as string[];
  }

  #handle(delivery: Delivery): Promise<Settlement> {
    const { promise, resolve } = Promise.withResolvers<Settlement>();
    const name = toName(delivery.subject);
    const settle: Held["settle"] = (settlement = { isDone: true }) => resolve(settlement);
    this.taken.push(name);
    this.held.push({ name, delivery, settle });
    return promise;
  }
}

/**
 * Has the tests of a file say when timers are over. Gives a function that makes a world, which ends
 * with its test.
 */
export function useLanesWorlds(): (changes?: Changes) => LanesWorld {
  const worlds: LanesWorld[] = [];
  beforeEach(() => {
    // Whether a run is short is not to be the machine's business.
    fakeOnly("setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance");
  });
  afterEach(async () => {
    jest.useRealTimers();
    for (const world of worlds.splice(0)) {
      world.held.splice(0).forEach(({ settle }) => settle());
      await world.lanes.stop(0);
    }
  });
  return (changes) => {
    const world = new LanesWorld(changes);
    worlds.push(world);
    return world;
  };
}

/** Lets everything happen that needs no more time. */
export async function settleDown(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await nextTurn();
  }
}

export function toSubject(name: string): string {
  return `faas-request.n.${name}`;
}

function toName(subject: string): string {
  return subject.split(".").at(-1) ?? "";
}

function createApiError(err_code: number): JetStreamApiError {
  return new JetStreamApiError({ code: 400, err_code, description: `error ${err_code}` });
}
