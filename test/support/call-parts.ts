/** Parts of the invocation path in a test's own hands: no server, no cluster, no connections. */
import { EventEmitter } from "node:events";
import {
  type CallTimeouts,
  type FunctionResource,
  type FunctionSpec,
  toKey,
} from "../../contract/index.ts";
import type { Place } from "../../services/gateway/calls/admission.ts";
import type { FunctionWatch } from "../../services/gateway/cluster/functions.ts";
import type { RouteSlice } from "../../services/gateway/upstream/endpoint-slices.ts";
import type {
  AnswerHandler,
  CallControl,
  UpstreamRequest,
} from "../../services/gateway/upstream/exchange.ts";
import {
  type UpgradeHandler,
  type UpgradeRequest,
  Upstream,
} from "../../services/gateway/upstream/upstream.ts";
import type { ResourceWatch } from "../../services/lib/watch.ts";

/** No limit but that of a connection. */
export const NO_LIMITS: CallTimeouts = { connectMs: 1000, firstByteMs: 0, idleMs: 0, callMs: 0 };

/** The place of a call where there are places without end. */
export const ANY_PLACE: Place = { wait: () => undefined, goOn: () => true };

/** A Function of the namespace `fn`. */
export function functionOf(name: string, spec: Partial<FunctionSpec> = {}): FunctionResource {
  return {
    apiVersion: "openfaas.com/v1",
    kind: "Function",
    metadata: { name, namespace: "fn" },
    spec: { name, image: "example/image:1", ...spec },
  };
}

/** A copy of the Functions that a test changes by itself. */
export class FunctionFeed extends EventEmitter {
  hasSynced = true;
  readonly #known = new Map<string, FunctionResource>();

  /** What takes a real one is given this. */
  get watch(): FunctionWatch {
    return this as unknown as FunctionWatch;
  }

  put(current: FunctionResource): void {
    const key = toKey(current.metadata);
    const previous = this.#known.get(key);
    this.#known.set(key, current);
    this.emit("change", { key, current, previous });
  }

  remove(key: string): void {
    const previous = this.#known.get(key);
    this.#known.delete(key);
    this.emit("change", { key, current: undefined, previous });
  }

  get(key: string): FunctionResource | undefined {
    return this.#known.get(key);
  }

  values(): IterableIterator<FunctionResource> {
    return this.#known.values();
  }
}

/** EndpointSlices that a test changes by itself. */
export class SliceFeed extends EventEmitter {
  readonly #known = new Map<string, RouteSlice>();

  get watch(): ResourceWatch<RouteSlice> {
    return this as unknown as ResourceWatch<RouteSlice>;
  }

  /** A slice of the function `fn/f` where its parts name no other one. */
  put(name: string, ready: readonly string[], parts: Partial<RouteSlice> = {}): void {
    const previous = this.#known.get(name);
    const metadata = { name, namespace: "fn" };
    const pods = ready.map((origin) => ({ id: origin, origin, isLeaving: false }));
    const current = { metadata, routeKey: "fn/f", pods, ...parts };
    this.#known.set(name, current);
    this.emit("change", { key: `fn/${name}`, current, previous });
  }

  remove(name: string): void {
    const previous = this.#known.get(name);
    this.#known.delete(name);
    this.emit("change", { key: `fn/${name}`, current: undefined, previous });
  }
}

/** A call or a handshake that was sent to an upstream. */
export interface SentCall {
  request: Partial<UpstreamRequest & UpgradeRequest>;
  handler: AnswerHandler | UpgradeHandler;
}

/** An upstream without connections, which keeps what it is sent. */
export class SilentUpstream extends Upstream {
  readonly sent: SentCall[] = [];

  constructor(origin: string) {
    super({ origin, connectMs: 1000 });
  }

  override dispatch(request: UpstreamRequest, handler: AnswerHandler): void {
    this.sent.push({ request, handler });
  }

  override dispatchUpgrade(request: UpgradeRequest, handler: UpgradeHandler): void {
    this.sent.push({ request, handler });
  }
}

/** What holds a call that is on its way; keeps what was done with it. */
export class HeldRequest implements CallControl {
  aborted = false;
  paused = false;
  reason: Error | null = null;

  abort(reason: Error): void {
    this.aborted = true;
    this.reason = reason;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

/** An error of the system or of a client. */
export function errorOf(code: string): Error {
  return Object.assign(new Error(`fake: ${code}`), { code });
}

/** Which functions have a pod. */
export class Pods extends EventEmitter {
  readonly ready = new Set<string>();
  /** Calls in flight. */
  inFlight = 0;

  has(key: string): boolean {
    return this.ready.has(key);
  }

  load(key: string): { pods: number; inFlight: number } {
    return { pods: this.has(key) ? 1 : 0, inFlight: this.inFlight };
  }

  come(key: string): void {
    this.ready.add(key);
    this.emit("change", key);
  }
}
