/** The load of functions by the gateways' own numbers, added up. */
import { Agent, request } from "undici";
import { GatewayLoads, LOADS_PATH, WITH_QUEUE } from "../../../../contract/gateway-loads.ts";
import { PORT } from "../../../../contract/index.ts";
import { isValid } from "../../../../contract/schema-findings.ts";
import { type Logger, messageOf } from "../../../lib/logger.ts";
import type { GatewayEndpoint } from "../../kubernetes/gateway-endpoints.ts";
import type { Load } from "./decide.ts";
import { type KeptLoads, LoadKeeper, toKnown } from "./kept-loads.ts";

/** What all gateways together say of one function. */
export interface FunctionLoads {
  /** Calls that begin, each second. */
  rps: Load;
  /** Calls in flight, and those that wait for a pod. */
  inflight: Load;
  /** Asynchronous calls that no worker was given. */
  queue: Load;
  /** For how long nobody has called it; undefined: unknown. */
  idleMs: number | undefined;
}

/** Time over which rates and means go, milliseconds: longer, and more come late. */
const WINDOW_MS = 5000;

/** Longest wait for a gateway's answer, milliseconds: the next look is near. */
const TIMEOUT_MS = 800;

/** How long an answer is good for, but for idleness, where later ones do not come; milliseconds. */
const STALE_MS = 5000;

/** A rate over less time says little, milliseconds. */
const LEAST_MS = 500;

/** What is longer is no answer, bytes. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

const UNKNOWN: Load = { value: undefined, isWhole: true };

export interface GatewayLoadsOptions {
  /** The gateways that there are; undefined: nobody knows. */
  gateways: () => readonly GatewayEndpoint[] | undefined;
  logger: Logger;
  /** Of a clock that never goes back, milliseconds. */
  now: () => number;
  /** Says where a gateway's metrics are, for tests. */
  locate?: ((address: string) => string) | undefined;
  /** Longest wait for a gateway's answer, milliseconds. @default 800 */
  timeoutMs?: number | undefined;
}

interface Answer extends KeptLoads {
  at: number;
}

/** What is known of one gateway. */
interface Gateway extends Pick<GatewayEndpoint, "isReady" | "isLeaving"> {
  /** Those of the window and one before, the latest last. */
  answers: Answer[];
  /** By the latest: for how long nobody has called each function. */
  idle: Float64Array;
  /** Why the last one did not come: told once. */
  reason: string | undefined;
}

export class GatewayLoadsReader {
  readonly #options: GatewayLoadsOptions;
  readonly #agent = new Agent({ maxResponseSize: MAX_ANSWER_BYTES });
  readonly #gateways = new Map<string, Gateway>();
  readonly #keeper = new LoadKeeper();
  #isKnown = false;
  #queue: { at: number; depths: Readonly<Record<string, number>> } | undefined;
  #turn = 0;
  #lookedAt = 0;
  #isQueueAsked = false;

  constructor(options: GatewayLoadsOptions) {
    this.#options = options;
  }

  /**
   * Asks all gateways once.
   * @param names of functions, `name.namespace`: what gateways say of others is not kept
   * @param withQueue whether the queue's depths are of interest
   */
  async look(names: readonly string[], withQueue: boolean): Promise<void> {
    this.#follow();
    this.#keeper.follow(names, Array.from(this.#gateways.values()).flatMap(toKept));
    this.#lookedAt = this.#options.now();
    this.#isQueueAsked = withQueue;
    const addresses = [...this.#gateways.keys()];
    // All see the same queue: each is asked in its turn.
    this.#turn += 1;
    const asked = withQueue ? addresses[this.#turn % addresses.length] : undefined;
    await Promise.all(addresses.map((address) => this.#ask(address, address === asked)));
  }

  /** Of a function, `name.namespace`, which is one of those of the last look. */
  of(name: string): FunctionLoads {
    const parts = Array.from(this.#gateways.values())
      .map((gateway) => this.#toPart(gateway, name))
      .filter((part) => part !== undefined);
    if (!this.#isKnown || parts.length === 0) {
      return { rps: UNKNOWN, inflight: UNKNOWN, queue: UNKNOWN, idleMs: undefined };
    }
    const queue = this.#depthOf(name);
    return {
      rps: sum(parts.map(({ rps }) => rps)),
      inflight: sum(parts.map(({ inflight }) => inflight)),
      queue: { value: queue, isWhole: true },
      idleMs: this.#isQueueAsked ? withWaiting(toIdle(parts), queue) : toIdle(parts),
    };
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  #depthOf(name: string): number | undefined {
    const queue = this.#queue;
    const isFresh = queue !== undefined && this.#lookedAt - queue.at <= STALE_MS;
    return isFresh ? (queue.depths[name] ?? 0) : undefined;
  }

  /** Takes up those that have come, and drops those that have gone. */
  #follow(): void {
    const endpoints = this.#options.gateways();
    this.#isKnown = endpoints !== undefined;
    const there = new Map((endpoints ?? []).map((endpoint) => [endpoint.address, endpoint]));
    for (const address of this.#gateways.keys()) {
      if (!there.has(address)) {
        this.#gateways.delete(address);
      }
    }
    for (const { address, isReady, isLeaving } of there.values()) {
      const known = this.#gateways.get(address) ?? createGateway();
      this.#gateways.set(address, Object.assign(known, { isReady, isLeaving }));
    }
  }

  async #ask(address: string, withQueue: boolean): Promise<void> {
    const { now, logger } = this.#options;
    const gateway = this.#gateways.get(address);
    try {
      const loads = await this.#read(address, withQueue);
      if (gateway !== undefined) {
        addAnswer(gateway, { at: now(), ...this.#keeper.keep(loads) });
        gateway.idle = this.#keeper.keepIdle(loads);
        gateway.reason = undefined;
      }
      if (loads.queue !== undefined) {
        this.#queue = { at: now(), depths: loads.queue };
      }
    } catch (error) {
      const reason = messageOf(error);
      const isNews = gateway?.isReady === true && gateway.reason === undefined;
      logger[isNews ? "warn" : "debug"]({ address, reason }, "load of a gateway not known");
      if (gateway !== undefined) {
        gateway.reason = reason;
      }
    }
  }

  async #read(address: string, withQueue: boolean): Promise<GatewayLoads> {
    const { locate = toOrigin, timeoutMs = TIMEOUT_MS } = this.#options;
    const { statusCode, body } = await request(
      `${locate(address)}${LOADS_PATH}${withQueue ? `?${WITH_QUEUE}` : ""}`,
      { dispatcher: this.#agent, signal: AbortSignal.timeout(timeoutMs) },
    );
    const text = await body.text();
    if (statusCode !== 200) {
      throw new Error(`expected status 200, got ${statusCode}`);
    }
    const loads: unknown = JSON.parse(text);
    if (!isValid(GatewayLoads, loads)) {
      throw new Error("expected loads of functions, got something else");
    }
    return loads;
  }

  /** What one gateway says; undefined: it has no calls yet, or leaves and says nothing any more. */
  #toPart({ answers, idle, isReady, isLeaving }: Gateway, name: string): Part | undefined {
    const latest = answers.at(-1);
    if (latest === undefined || this.#lookedAt - latest.at > STALE_MS) {
      // One that is not ready, and was, may just have too many calls to answer.
      const hasNone = isLeaving || (!isReady && latest === undefined);
      return hasNone ? undefined : NOTHING_KNOWN;
    }
    const place = this.#keeper.placeOf(name);
    const known = answers.map((answer) => toSight(answer, place)).filter((it) => it !== undefined);
    // Of one that leaves there may be no other answer.
    const isCurrent = latest.at >= this.#lookedAt || isLeaving;
    return {
      rps: toRate(known),
      inflight: toMean(known),
      idleMs: isCurrent ? toKnown(idle[place]) : undefined,
    };
  }
}

/** Undefined: unknown. */
interface Part {
  rps: number | undefined;
  inflight: number | undefined;
  idleMs: number | undefined;
}

const NOTHING_KNOWN: Part = { rps: undefined, inflight: undefined, idleMs: undefined };

function createGateway(): Gateway {
  const isNew = { isReady: false, isLeaving: false };
  return { answers: [], idle: new Float64Array(), reason: undefined, ...isNew };
}

function toKept({ answers, idle }: Gateway): Float64Array[] {
  return [...answers.flatMap(({ started, busy }) => [started, busy]), idle];
}

function toOrigin(address: string): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `http://${host}:${PORT.gatewayMetrics}`;
}

function addAnswer(gateway: Gateway, answer: Answer): void {
  const last = gateway.answers.at(-1);
  // It may have begun anew, at the same address; and what is older says nothing of now.
  const isSame = last !== undefined && last.ageMs <= answer.ageMs;
  const kept = isSame && answer.at - last.at <= STALE_MS ? gateway.answers : [];
  const first = kept.findLastIndex(({ at }) => answer.at - at >= WINDOW_MS);
  gateway.answers = [...kept.slice(Math.max(0, first)), answer];
}

/** What one answer says of one function. */
interface Sight {
  ageMs: number;
  started: number;
  busy: number;
}

/** Undefined: it was not kept, which is not the same as no calls. */
function toSight({ ageMs, ...kept }: Answer, place: number): Sight | undefined {
  const started = toKnown(kept.started[place]);
  return started === undefined ? undefined : { ageMs, started, busy: kept.busy[place] ?? 0 };
}

/** Calls that began, each second, by the gateway's own clock. */
function toRate(sights: readonly Sight[]): number | undefined {
  const [first, latest] = [sights[0], sights.at(-1)];
  if (first === undefined || latest === undefined) {
    return undefined;
  }
  const [before, started] = [first.started, latest.started];
  const span = latest.ageMs - first.ageMs;
  if (span >= LEAST_MS) {
    // Where it is less, the counter began anew with a function of the same name.
    const calls = started >= before ? started - before : started;
    return (calls / span) * 1000;
  }
  const isYoung = latest.ageMs <= WINDOW_MS;
  return isYoung ? (started / Math.max(latest.ageMs, LEAST_MS)) * 1000 : undefined;
}

function toMean(sights: readonly Sight[]): number | undefined {
  const total = sights.reduce((sum, { busy }) => sum + busy, 0);
  return sights.length === 0 ? undefined : total / sights.length;
}

function sum(parts: readonly (number | undefined)[]): Load {
  const known = parts.filter((part) => part !== undefined);
  const value = known.reduce((total, part) => total + part, 0);
  return known.length === 0 ? UNKNOWN : { value, isWhole: known.length === parts.length };
}

/** Since the last call at any of them. */
function toIdle(parts: readonly Part[]): number | undefined {
  const idle = parts.map(({ idleMs }) => idleMs);
  return idle.includes(undefined) ? undefined : Math.min(...(idle as number[]));
}

/** A call that waits in the queue is one, and a queue that is not known may have some. */
function withWaiting(idleMs: number | undefined, depth: number | undefined): number | undefined {
  return depth === undefined ? undefined : depth > 0 ? 0 : idleMs;
}
