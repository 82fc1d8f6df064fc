/**
 * Takes messages of one stream, lane by lane in turn, so that no lane waits for another: each has
 * its share of the places, and one that has none of them gets one even when all are taken.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, messageOf } from "../lib/logger.ts";
import type { QueueLink } from "../lib/queue/queue-link.ts";
import { Confirmations } from "./confirmations.ts";
import type { Delivery } from "./delivery.ts";
import { endsInTime } from "./drain.ts";
import { Lane } from "./lane.ts";
import { LaneConsumers } from "./lane-consumers.ts";
import { ConsumerGoneError, type Puller } from "./pull.ts";

export interface LanesOptions {
  link: QueueLink;
  logger: Logger;
  stream: string;
  /** Which of its lanes. @default all */
  owns?: (subject: string) => boolean;
  /** Messages that are worked on at once. */
  places: number;
  /** The same of one lane. */
  share: number;
  /** Silence after which the queue gives a message to another worker, milliseconds. */
  ackWaitMs: number;
  /** Deals with one message; never rejects. */
  handle: (delivery: Delivery, lane: Lane) => Promise<Settlement>;
  /** Hears each second how many messages are in each lane, and when the oldest was stored. */
  onDepths?: (depths: ReadonlyMap<string, number>, oldestAt: Date | undefined) => void;
  /** Hears of a lane whose consumer is to be made anew, which other workers are to know. */
  onDropped?: (subject: string) => void;
}

/** Whether a message is done with, or given back, to be due again after so many milliseconds. */
export type Settlement = { isDone: true } | { isDone: false; waitMs: number };

/** How many lanes without a place get one beyond `places`, as a multiple of those. */
const RESERVE = 4;

/** How often the stream is asked which lanes have messages, milliseconds. */
const POLL_MS = 1000;

/**
 * Longest wait before the queue is told again what is worked on, milliseconds: a worker of other
 * settings may have set a shorter silence than ours for the consumer that we share.
 */
const BEAT_MS = 1000;

export class Lanes {
  readonly #options: LanesOptions;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that are to be asked and have no place, those that were asked longest ago first. */
  readonly #fresh = new Set<Lane>();
  /** The same of those that have places already. */
  readonly #ready = new Set<Lane>();
  /** Those that may take messages in advance. */
  readonly #ahead = new Set<Lane>();
  readonly #work = new Set<Promise<void>>();
  /** By their keys. */
  readonly #held = new Map<string, Delivery>();
  readonly confirmations: Confirmations;
  readonly #consumers: LaneConsumers;
  readonly #stopping = new AbortController();
  #puller: Puller | undefined;
  #taken = 0;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#consumers = new LaneConsumers({
      ...options,
      onDropped: ({ subject }) => options.onDropped?.(subject),
    });
    this.confirmations = new Confirmations({
      isConnected: () => options.link.problem() === undefined,
      isThere: (delivery) => this.#isThere(delivery),
    });
  }

  /** Messages that are worked on. */
  get inFlight(): number {
    return this.#held.size;
  }

  /** How long the message that was taken first has been worked on, milliseconds. */
  get longestMs(): number {
    // A map keeps the order in which its elements came.
    const [first] = this.#held.values();
    return first === undefined ? 0 : performance.now() - first.takenAt;
  }

  /** Begins to take messages. */
  start(puller: Puller): void {
    if (this.#stopping.signal.aborted) {
      return;
    }
    this.#puller = puller;
    const everyMs = Math.min(this.#options.ackWaitMs / 3, BEAT_MS);
    this.#heartbeat = setInterval(() => this.#beat(), everyMs);
    void this.#poll();
  }

  /** After a connection was lost: consumers and messages may be gone with their server's disk. */
  reset(): void {
    this.confirmations.reset();
    for (const lane of this.#lanes.values()) {
      lane.hasConsumer = false;
    }
  }

  /** Something may wait in a lane. */
  hint(subject: string): void {
    if (this.#options.owns?.(subject) === false) {
      return;
    }
    const lane = this.#lanes.get(subject) ?? new Lane(subject, this.#options.share);
    this.#lanes.set(subject, lane);
    lane.hint();
    this.#offer(lane);
    this.#pump();
  }

  /** The consumer of a lane is to be made anew. */
  forgetConsumer(subject: string): void {
    const lane = this.#lanes.get(subject);
    if (lane !== undefined) {
      lane.hasConsumer = false;
    }
  }

  /**
   * Takes no more messages, waits for those in flight as long as each may last, and gives back what
   * is not done with by the end of that.
   *
   * @param mostMs longest wait for any of them
   */
  async stop(mostMs: number): Promise<void> {
    this.#stopping.abort();
    this.#lanes.forEach((lane) => lane.release());
    const isDone = await endsInTime(Promise.all(this.#work), { held: this.#held, mostMs });
    if (!isDone) {
      const late = [...this.#held.values()];
      this.#held.clear();
      late.forEach((delivery) => giveBack(delivery, 0));
    }
    await this.confirmations.close(isDone ? CONFIRM_MS : 0);
    clearInterval(this.#heartbeat);
  }

  #beat(): void {
    // Otherwise the queue gives it to somebody else when that lasts.
    if (this.#options.link.problem() === undefined) {
      this.#held.forEach((delivery) => say(() => delivery.working()));
    }
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const depths = await this.#look();
        this.#forgetIdle(depths);
        [...depths.keys()].forEach((subject) => this.hint(subject));
        await this.#consumers.sweep(this.#toLanes(depths));
      } catch {
        // The link says why in its readiness.
      }
      await sleep(POLL_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #look(): Promise<Map<string, number>> {
    const { link, stream, owns = () => true, onDepths } = this.#options;
    const { state } = await link.access.manager.streams.info(stream, { subjects_filter: ">" });
    const all = Object.entries(state.subjects ?? {});
    const depths = new Map(all.filter(([subject]) => owns(subject)));
    onDepths?.(depths, state.messages === 0 ? undefined : new Date(state.first_ts));
    return depths;
  }

  #toLanes(depths: ReadonlyMap<string, number>): Map<Lane, number> {
    return new Map(
      [...depths].flatMap(([subject, count]) => {
        const lane = this.#lanes.get(subject);
        return lane === undefined ? [] : [[lane, count]];
      }),
    );
  }

  #forgetIdle(depths: ReadonlyMap<string, number>): void {
    for (const [subject, lane] of this.#lanes) {
      if (lane.inFlight === 0 && !lane.isHungry && !depths.has(subject)) {
        this.#lanes.delete(subject);
      }
    }
  }

  #offer(lane: Lane): void {
    this.#fresh.delete(lane);
    this.#ready.delete(lane);
    this.#ahead.delete(lane);
    if (lane.isReady) {
      (lane.inFlight === 0 ? this.#fresh : this.#ready).add(lane);
    } else if (lane.isReadyAhead) {
      this.#ahead.add(lane);
    }
  }

  #pump(): void {
    const puller = this.#puller;
    if (puller === undefined) {
      return;
    }
    const { places } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const [fresh] = this.#taken < places * (1 + RESERVE) ? this.#fresh : [];
      const [ready] = this.#taken < places ? this.#ready : [];
      const [ahead] = this.#taken < places / 2 ? this.#ahead : [];
      const lane = fresh ?? ready ?? ahead;
      if (lane === undefined) {
        return;
      }
      this.#begin(lane, puller);
    }
  }

  #begin(lane: Lane, puller: Puller): void {
    this.#taken += 1;
    lane.inFlight += 1;
    lane.pulling += 1;
    this.#offer(lane);
    const work = this.#take(lane, puller).finally(() => {
      this.#taken -= 1;
      lane.inFlight -= 1;
      this.#work.delete(work);
      this.#offer(lane);
      this.#pump();
    });
    this.#work.add(work);
  }

  async #take(lane: Lane, puller: Puller): Promise<void> {
    const delivery = await this.#pull(lane, puller);
    lane.pulling -= 1;
    this.#offer(lane);
    if (delivery === undefined) {
      return;
    }
    // The next one is asked for while this one is worked on.
    this.#pump();
    if (this.#stopping.signal.aborted) {
      giveBack(delivery, 0);
    } else if (!this.#isKnown(delivery)) {
      this.#held.set(delivery.key, delivery);
      await lane.begin();
      const settlement = await this.#handle(delivery, lane);
      // What is not held any more was given back when the worker had to end.
      if (this.#held.delete(delivery.key) && settlement !== undefined) {
        await this.#settle(delivery, settlement);
      }
    }
  }

  /** Resolves to undefined where another worker may have it: this one was silent for too long. */
  async #handle(delivery: Delivery, lane: Lane): Promise<Settlement | undefined> {
    const beganAt = performance.now();
    let settlement: Settlement | undefined;
    if (this.#stopping.signal.aborted) {
      settlement = { isDone: false, waitMs: 0 };
    } else if (delivery.silentMs < this.#options.ackWaitMs) {
      settlement = await this.#options.handle(delivery, lane);
    }
    lane.end(settlement?.isDone === true ? performance.now() - beganAt : undefined);
    return settlement;
  }

  /**
   * Whether a message that was given again, as the queue had not heard of it for too long, is still
   * worked on here, or done with: what is said of the first delivery counts for all.
   */
  #isKnown(delivery: Delivery): boolean {
    return this.#held.has(delivery.key) || this.confirmations.has(delivery);
  }

  /** Whether the message is still at its place in the stream. */
  async #isThere({ stream, sequence, storedAt }: Delivery): Promise<boolean> {
    const { streams } = this.#options.link.access.manager;
    const message = await streams.getMessage(stream, { seq: sequence });
    return message?.time.getTime() === storedAt;
  }

  async #settle(delivery: Delivery, settlement: Settlement): Promise<void> {
    if (settlement.isDone) {
      this.confirmations.add(delivery);
      return;
    }
    const { waitMs } = settlement;
    // Where that cannot be said, the queue gives it to somebody after a time.
    if (await this.confirmations.isGone(delivery).catch(() => true)) {
      return;
    }
    giveBack(delivery, waitMs);
    if (waitMs < POLL_MS) {
      setTimeout(() => this.hint(delivery.subject), waitMs + 10).unref();
    }
  }

  async #pull(lane: Lane, puller: Puller): Promise<Delivery | undefined> {
    const { stream, logger } = this.#options;
    const { hints } = lane;
    try {
      if (!lane.hasConsumer) {
        await this.#consumers.make(lane);
      }
      const delivery = await puller.pull(stream, lane.consumer);
      if (delivery === undefined) {
        lane.foundNothing(hints);
      } else {
        lane.found();
      }
      return delivery;
    } catch (error) {
      // Until the next look at the stream.
      lane.isHungry = false;
      lane.hasConsumer = false;
      const level = error instanceof ConsumerGoneError ? "debug" : "warn";
      logger[level]({ lane: lane.subject, reason: messageOf(error) }, "no message taken");
      return undefined;
    }
  }
}

/** Gives a message back; where the connection is gone, the queue does so by itself after a time. */
function giveBack(delivery: Delivery, waitMs: number): void {
  say(() => delivery.giveBack(waitMs));
}

function say(work: () => void): void {
  try {
    work();
  } catch {
    // It is not connected any more.
  }
}

/** Longest wait for the queue's word that it knows what is done with, milliseconds. */
const CONFIRM_MS = 10_000;
