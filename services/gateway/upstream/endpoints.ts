/** The upstreams of each function: its pods, or its Service, kept by a watch of EndpointSlices. */
import { EventEmitter } from "node:events";
import { PORT, PRE_STOP_SECONDS } from "../../../contract/index.ts";
import type { Change, ResourceWatch } from "../../lib/watch.ts";
import type { RouteSlice } from "./endpoint-slices.ts";
import type { Upstream } from "./upstream.ts";

/**
 * How long a pod that leaves is sent calls where no other one is ready, milliseconds. It ends
 * before the pod's process is told to stop: EndpointSlices call a pod serving for some seconds
 * after that (its probe's period times the failures that count), while it refuses connections.
 */
const LEAVING_MS = (PRE_STOP_SECONDS - 1) * 1000;

/** Where the calls of one function go. */
interface Route {
  slices: RouteSlice[];
  /** Pods that leave, by origin, and whether they are sent calls where no other one is ready. */
  leaving: Map<string, boolean>;
  /** What calls are sent to: its pods, or its one Service as long as that has any. */
  upstreams: Upstream[];
  /** Where the next search begins, so that equally loaded upstreams take turns. */
  next: number;
}

export interface RouteEvents {
  /** A function's pods have changed; the key is `namespace/name`. */
  change: [key: string];
}

export interface EndpointsOptions {
  /** Makes an upstream for an origin. */
  createUpstream: (origin: string) => Upstream;
  /**
   * Calls go to this function's Service instead of its pods, whose readiness still counts.
   * @default calls go to pods
   */
  toServiceOrigin?: ((key: string) => string) | undefined;
}

export class Endpoints extends EventEmitter<RouteEvents> {
  readonly watch: ResourceWatch<RouteSlice>;
  readonly #options: EndpointsOptions;
  readonly #routes = new Map<string, Route>();

  constructor(watch: ResourceWatch<RouteSlice>, options: EndpointsOptions) {
    super();
    this.setMaxListeners(0);
    this.watch = watch;
    this.#options = options;
    watch.on("change", (change) => this.#apply(change));
  }

  /** Whether a function has an upstream that takes calls. */
  has(key: string): boolean {
    return (this.#routes.get(key)?.upstreams.length ?? 0) > 0;
  }

  /**
   * The upstream with the fewest calls in flight, or undefined when there is none. An ejected one
   * is chosen only when there is no other.
   * @param avoided - those that are not chosen at all
   */
  pick(key: string, avoided?: ReadonlySet<Upstream>): Upstream | undefined {
    const route = this.#routes.get(key);
    if (route === undefined) {
      return undefined;
    }
    const { upstreams } = route;
    let best: Upstream | undefined;
    let index = route.next++;
    for (let left = upstreams.length; left > 0; left--) {
      const upstream = upstreams[index++ % upstreams.length];
      if (upstream === undefined || avoided?.has(upstream) === true) {
        continue;
      }
      if (isFree(upstream)) {
        return upstream;
      }
      best = best === undefined || isBetter(upstream, best) ? upstream : best;
    }
    return best;
  }

  /** Resolves when the pods of a function change, after `milliseconds`, or when it is aborted. */
  waitForChange(key: string, milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.off("change", onChange);
        signal?.removeEventListener("abort", finish);
        resolve();
      };
      const onChange = (changed: string): void => {
        if (changed === key) {
          finish();
        }
      };
      const timer = setTimeout(finish, milliseconds);
      this.on("change", onChange);
      signal?.addEventListener("abort", finish);
    });
  }

  /** Closes the connections to all upstreams, after the calls in flight. */
  async close(): Promise<void> {
    const upstreams = [...this.#routes.values()].flatMap((route) => route.upstreams);
    await Promise.all(upstreams.map((upstream) => upstream.close()));
  }

  #apply({ current, previous }: Change<RouteSlice>): void {
    const keys = new Set([previous?.routeKey, current?.routeKey]);
    for (const routeKey of keys) {
      if (routeKey !== undefined) {
        this.#replaceSlice(routeKey, previous, current);
      }
    }
  }

  #replaceSlice(routeKey: string, previous?: RouteSlice, current?: RouteSlice): void {
    const route = this.#routes.get(routeKey) ?? createRoute();
    const ready = readyOrigins(route);
    route.slices = route.slices.filter((slice) => slice !== previous);
    if (current?.routeKey === routeKey) {
      route.slices.push(current);
    }
    this.#replaceLeaving(routeKey, route, ready);
    this.#replaceUpstreams(routeKey, route);
    if (route.slices.length === 0) {
      this.#routes.delete(routeKey);
    } else {
      this.#routes.set(routeKey, route);
    }
    this.emit("change", routeKey);
  }

  /** A pod that was not ready here before may have been told to stop long ago. */
  #replaceLeaving(key: string, route: Route, wasReady: ReadonlySet<string>): void {
    const before = route.leaving;
    const leaving = new Set(route.slices.flatMap((slice) => slice.leaving));
    const isUsed = (origin: string): boolean => before.get(origin) ?? wasReady.has(origin);
    route.leaving = new Map(Array.from(leaving, (origin) => [origin, isUsed(origin)]));
    const begun = [...leaving].filter((origin) => !before.has(origin) && wasReady.has(origin));
    if (begun.length > 0) {
      setTimeout(() => this.#abandon(key, route, begun), LEAVING_MS).unref();
    }
  }

  #abandon(key: string, route: Route, origins: readonly string[]): void {
    for (const origin of origins.filter((each) => route.leaving.has(each))) {
      route.leaving.set(origin, false);
    }
    this.#replaceUpstreams(key, route);
    this.emit("change", key);
  }

  #replaceUpstreams(key: string, route: Route): void {
    const { createUpstream, toServiceOrigin } = this.#options;
    const origins = wantedOrigins(route);
    const wanted =
      toServiceOrigin === undefined || origins.size === 0
        ? origins
        : new Set([toServiceOrigin(key)]);
    const kept = new Map(route.upstreams.map((upstream) => [upstream.origin, upstream]));
    route.upstreams = Array.from(wanted, (origin) => kept.get(origin) ?? createUpstream(origin));
    for (const [origin, upstream] of kept) {
      if (!wanted.has(origin)) {
        void upstream.close();
      }
    }
  }
}

function isFree({ inFlight, isEjected }: Upstream): boolean {
  return inFlight === 0 && !isEjected;
}

function isBetter(upstream: Upstream, best: Upstream): boolean {
  return upstream.isEjected === best.isEjected ? upstream.inFlight < best.inFlight : best.isEjected;
}

/**
 * Origins of functions' Services below a domain. OpenFaaS' own setting, with the namespace of the
 * functions before it, means the same.
 */
export function serviceOrigins(suffix: string, functionNamespace: string): (key: string) => string {
  const prefix = `${functionNamespace}.`;
  const domain = suffix.startsWith(prefix) ? suffix.slice(prefix.length) : suffix;
  return (key) => {
    const [namespace = "", name = ""] = key.split("/");
    return `http://${name}.${namespace}.${domain}:${PORT.function}`;
  };
}

function createRoute(): Route {
  return { slices: [], leaving: new Map(), upstreams: [], next: 0 };
}

function readyOrigins({ slices }: Route): Set<string> {
  return new Set(slices.flatMap((slice) => slice.ready));
}

/** Ready pods; where there are none, those that have just begun to leave. */
function wantedOrigins(route: Route): Set<string> {
  const ready = readyOrigins(route);
  const leaving = [...route.leaving].filter(([, isUsed]) => isUsed);
  return ready.size > 0 ? ready : new Set(leaving.map(([origin]) => origin));
}
