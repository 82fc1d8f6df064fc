/** A message that the queue has given to this worker, and what the worker says of it. */
import type { Msg } from "@nats-io/transport-node";
import { UNLIMITED_DRAIN_MS } from "../../contract/index.ts";
import { MAX_TIMER_MS } from "../lib/timer.ts";

export interface AckSubject {
  stream: string;
  consumer: string;
  /** How often it was given to a worker, this time included. */
  deliveryCount: number;
  sequence: number;
  /** When it was stored, Unix milliseconds. */
  storedAt: number;
}

/** The subject by which a message is acknowledged (NATS documentation, ADR-15). */
export function readAckSubject(reply: string): AckSubject | undefined {
  const tokens = reply.split(".");
  // Newer servers put domain and account hash behind `$JS.ACK`.
  const [stream, consumer, count, sequence, , time] = tokens.slice(tokens.length >= 11 ? 4 : 2);
  if (tokens[1] !== "ACK" || stream === undefined || consumer === undefined || time === undefined) {
    return undefined;
  }
  return {
    stream,
    consumer,
    deliveryCount: Number(count),
    sequence: Number(sequence),
    // As a number, nanoseconds would be rounded, and sometimes into the next millisecond.
    storedAt: Number(BigInt(time) / 1_000_000n),
  };
}

export class Delivery implements AckSubject {
  readonly stream: string;
  readonly consumer: string;
  readonly deliveryCount: number;
  readonly sequence: number;
  readonly storedAt: number;
  /** When it came, as `performance.now` has it. */
  readonly takenAt = performance.now();
  /** Since when nobody else ends what is done with it, the same; undefined: somebody does. */
  #unlimitedSince: number | undefined = this.takenAt;
  #claimedAt = this.takenAt;
  readonly #message: Msg;
  readonly #confirm: (subject: string) => Promise<void>;

  /** @param confirm acknowledges by a subject; resolves when the queue knows */
  constructor(message: Msg, confirm: (subject: string) => Promise<void>) {
    const ack = readAckSubject(message.reply ?? "");
    if (ack === undefined) {
      throw new Error("message: expected one of JetStream's");
    }
    this.#message = message;
    this.#confirm = confirm;
    this.stream = ack.stream;
    this.consumer = ack.consumer;
    this.deliveryCount = ack.deliveryCount;
    this.sequence = ack.sequence;
    this.storedAt = ack.storedAt;
  }

  /** The same for each delivery of a message, and of no message of a stream that was made anew. */
  get key(): string {
    return `${this.stream} ${this.sequence} ${this.storedAt}`;
  }

  get subject(): string {
    return this.#message.subject;
  }

  get fields(): Iterable<[string, string[]]> {
    return this.#message.headers ?? [];
  }

  get payload(): Uint8Array {
    return this.#message.data;
  }

  /** Waits for what somebody else ends in time, as the gateway does calls. */
  async limited<T>(work: Promise<T>): Promise<T> {
    this.#unlimitedSince = undefined;
    try {
      return await work;
    } finally {
      this.#unlimitedSince = performance.now();
    }
  }

  /** Until when a worker waits for it that has stopped then, as `performance.now` has both. */
  endsBy(stoppedAt: number): number {
    const since = this.#unlimitedSince;
    return since === undefined ? Infinity : Math.max(stoppedAt, since) + UNLIMITED_DRAIN_MS;
  }

  /** Says that it is being worked on, which gives the worker its time anew. */
  working(): void {
    this.#message.respond("+WPI");
    this.#claimedAt = performance.now();
  }

  /** How long the queue has not heard of it, milliseconds. */
  get silentMs(): number {
    return performance.now() - this.#claimedAt;
  }

  /** Gives it back, to be given to a worker after a time. */
  giveBack(waitMs: number): void {
    // Nanoseconds, which the queue counts in 64 bits.
    const delay = Math.min(Math.max(0, Math.round(waitMs)), MAX_TIMER_MS) * 1e6;
    this.#message.respond(delay === 0 ? "-NAK" : `-NAK ${JSON.stringify({ delay })}`);
  }

  /** Says that it is done with; resolves when the queue knows, else rejects. */
  confirm(): Promise<void> {
    return this.#confirm(this.#message.reply ?? "");
  }
}
