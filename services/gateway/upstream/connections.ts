/** The connections to one place: as many as there are calls at a time, kept for the next ones. */
import { guard } from "../../lib/faults.ts";
import { Connection } from "./connection.ts";
import type { AnswerHandler, UpstreamRequest } from "./exchange.ts";

export interface ConnectionsOptions {
  hostname: string;
  port: number;
  /** For the requests' `Host`. */
  host: string;
  /** Longest time to open one, milliseconds; 0 is no limit. */
  connectMs: number;
}

/**
 * Idle connections are closed before the pods' servers do it (after 2 s by gunicorn's default, 5 s
 * by Node's), so that a call does not meet a connection that is just being closed.
 */
const IDLE_MS = 1500;

/** What is taken off the time that a server promises, and the longest that is believed. */
const KEEP_ALIVE_MARGIN_MS = 2000;
const MAX_KEEP_ALIVE_MS = 60_000;

/** How often idle connections are looked at. */
const SWEEP_MS = 500;

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #all = new Set<Connection>();
  /** Those without a call; the one that was used last comes last, and is used first. */
  #idle: Connection[] = [];
  #sweep: NodeJS.Timeout | undefined;
  #onClosed: (() => void) | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#all.size;
  }

  /** Sends a call; its handler is told what becomes of it. */
  dispatch(request: UpstreamRequest, handler: AnswerHandler): void {
    (this.#takeIdle() ?? this.#open()).send(request, handler);
  }

  /** Lets the calls end, and then the connections. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => (this.#onClosed = resolve));
    this.#closeIdle(Infinity);
    if (this.#all.size === 0) {
      this.#onClosed?.();
    }
    await closed;
  }

  #takeIdle(): Connection | undefined {
    const now = performance.now();
    for (let one = this.#idle.pop(); one !== undefined; one = this.#idle.pop()) {
      if (one.usableUntil > now) {
        return one;
      }
      one.destroy();
    }
    return undefined;
  }

  #open(): Connection {
    const connection = new Connection({
      ...this.#options,
      onFree: (one) => this.#keep(one),
      onClosed: (one) => this.#forget(one),
    });
    this.#all.add(connection);
    return connection;
  }

  #keep(connection: Connection): void {
    const idleMs = toIdleMs(connection.keepAlive);
    if (this.#onClosed !== undefined || idleMs <= 0) {
      connection.destroy();
      return;
    }
    connection.usableUntil = performance.now() + idleMs;
    this.#idle.push(connection);
    this.#sweep ??= setInterval(
      guard(() => this.#closeIdle(performance.now())),
      SWEEP_MS,
    ).unref();
  }

  #closeIdle(until: number): void {
    const old = this.#idle.filter(({ usableUntil }) => usableUntil <= until);
    this.#idle = this.#idle.filter(({ usableUntil }) => usableUntil > until);
    old.forEach((one) => one.destroy());
    if (this.#idle.length === 0) {
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }
  }

  #forget(connection: Connection): void {
    this.#all.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index >= 0) {
      this.#idle.splice(index, 1);
    }
    if (this.#all.size === 0) {
      this.#onClosed?.();
    }
  }
}

/** How long an idle connection is kept, by what its server has said about it (`timeout=5`). */
function toIdleMs(keepAlive: string | undefined): number {
  const seconds = /(?:^|[\s,])timeout=(\d{1,9})/i.exec(keepAlive ?? "")?.[1];
  return seconds === undefined
    ? IDLE_MS
    : Math.min(Number(seconds) * 1000 - KEEP_ALIVE_MARGIN_MS, MAX_KEEP_ALIVE_MS);
}
