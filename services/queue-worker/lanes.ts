/**
 * Takes messages of one stream, lane by lane in turn, so that no lane waits for another: each has
 * its share of the places, and one that has none of them gets one even when all are taken.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { JetStreamApiError } from "@nats-io/jetstream";
import { toConsumerSettings } from "../../contract/queue/index.ts";
import { type Logger, messageOf } from "../lib/logger.ts";
import type { QueueLink } from "../lib/queue/queue-link.ts";
import { Confirmations } from "./confirmations.ts";
import type { Delivery } from "./delivery.ts";
import { Lane } from "./lane.ts";
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

/** JetStream's `consumer already exists`, with other settings. */
const CONSUMER_EXISTS = 10_148;

export class Lanes {
  readonly #options: LanesOptions;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that are to be asked and have no place, those that were asked longest ago first. */
  readonly #fresh = new Set<Lane>();
  /** The same of those that have places already. */
  readonly #ready = new Set<Lane>();
  readonly #work = new Set<Promise<void>>();
  /** By their keys. */
  readonly #held = new Map<string, Delivery>();
  readonly confirmations: Confirmations;
  readonly #stopping = new AbortController();
  #puller: Puller | undefined;
  #taken = 0;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: LanesOptions) {
    this.#options = options;
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

  /**
   * Takes no more messages, waits for those in flight, and gives back what is not done with by the
   * end of the time.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    const timer = new AbortController();
    const tooLate = sleep(graceMs, "late", { signal: timer.signal, ref: false });
    const outcome = await Promise.race([Promise.all(this.#work), tooLate]);
    if (outcome === "late") {
      const late = [...this.#held.values()];
      this.#held.clear();
      late.forEach((delivery) => giveBack(delivery, 0));
    }
    timer.abort();
    await tooLate.catch(() => undefined);
    await this.confirmations.close(outcome === "late" ? 0 : CONFIRM_MS);
    clearInterval(this.#heartbeat);
  }

  #beat(): void {
    for (const delivery of this.#held.values()) {
      try {
        delivery.working();
      } catch {
        // Not connected: the queue gives it to somebody else when that lasts.
      }
    }
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const depths = await this.#look();
        this.#forgetIdle(depths);
        [...depths.keys()].forEach((subject) => this.hint(subject));
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
    if (lane.isReady) {
      (lane.inFlight === 0 ? this.#fresh : this.#ready).add(lane);
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
      const lane = fresh ?? ready;
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
      const settlement = await this.#options.handle(delivery, lane);
      // What is not held any more was given back when the worker had to end.
      if (this.#held.delete(delivery.key)) {
        await this.#settle(delivery, settlement);
      }
    }
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
        await this.#makeConsumer(lane);
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

  /** Makes the consumer; one that is there gets its settings, as they may have been others. */
  async #makeConsumer(lane: Lane): Promise<void> {
    const { link, stream, ackWaitMs } = this.#options;
    const { consumers } = link.access.manager;
    const settings = toConsumerSettings(lane.subject, ackWaitMs);
    try {
      await consumers.add(stream, settings);
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_EXISTS) {
        throw error;
      }
      await consumers.update(stream, lane.consumer, settings);
    }
    lane.hasConsumer = true;
  }
}

/** Gives a message back; where the connection is gone, the queue does so by itself after a time. */
function giveBack(delivery: Delivery, waitMs: number): void {
  try {
    delivery.giveBack(waitMs);
  } catch {
    // It is not connected any more.
  }
}

/** Longest wait for the queue's word that it knows what is done with, milliseconds. */
const CONFIRM_MS = 10_000;
