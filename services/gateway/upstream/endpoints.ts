/** The upstreams of each function: its pods, or its Service, kept by a watch of EndpointSlices. */
import { EventEmitter } from "node:events";
import { PORT, PRE_STOP_SECONDS } from "../../../contract/index.ts";
import { endByFault, guard } from "../../lib/faults.ts";
import type { Change, ResourceWatch } from "../../lib/watch.ts";
import type { RoutePod, RouteSlice } from "./endpoint-slices.ts";
import type { Upstream } from "./upstream.ts";

/**
 * How long a pod that leaves is sent calls where no other one is ready, milliseconds. It ends
 * before the pod's process is told to stop: EndpointSlices call a pod serving for some seconds
 * after that (its probe's period times the failures that count), while it refuses connections.
 */
const LEAVING_MS = (PRE_STOP_SECONDS - 1) * 1000;

/**
 * How long pods of a function that was deleted may still be there, milliseconds. After it a pod
 * that has stayed is taken for one of the function that has the name now.
 */
const ABANDONED_MS = 60_000;

/** Where the calls of one function go. */
interface Route {
  slices: RouteSlice[];
  /** Those of all slices. */
  pods: readonly RoutePod[];
  /** Their ids, and the version of the slice by which they came. */
  since: ReadonlyMap<string, string>;
  /** Ids of pods of a function that was deleted, which has left its name to another one. */
  abandoned: Set<string>;
  /** Ids of pods that leave, and whether they are sent calls where no other one is ready. */
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

  /** How many pods of a function take calls, and the calls that this gateway has sent there. */
  load(key: string): { pods: number; inFlight: number } {
    const route = this.#routes.get(key) ?? createRoute();
    const inFlight = route.upstreams.reduce((sum, upstream) => sum + upstream.inFlight, 0);
    return { pods: wantedOrigins(route).size, inFlight };
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

  /**
   * Sends no more calls to the pods that a function has, as it was deleted; they may be there for
   * some seconds, and another function may have its name by then.
   * @param version - of the deletion: pods that came after it may be those of the other one
   */
  abandon(key: string, version: string): void {
    const route = this.#routes.get(key);
    if (route === undefined) {
      return;
    }
    const isOld = ([, since]: [id: string, since: string]): boolean =>
      BigInt(since) < BigInt(version);
    const old = [...route.since].filter(isOld).map(([id]) => id);
    old.forEach((id) => route.abandoned.add(id));
    this.#replaceUpstreams(key, route);
    const takeBack = guard(() => {
      old.forEach((id) => route.abandoned.delete(id));
      this.#replaceUpstreams(key, route);
      this.emit("change", key);
    });
    setTimeout(takeBack, ABANDONED_MS).unref();
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
    const wasReady = readyIds(route);
    route.slices = route.slices.filter((slice) => slice !== previous);
    if (current?.routeKey === routeKey) {
      route.slices.push(current);
    }
    route.pods = mergePods(route.slices);
    route.since = toSince(route, current?.metadata.resourceVersion ?? "0");
    this.#replaceLeaving(routeKey, route, wasReady);
    const present = new Set(route.pods.map(({ id }) => id));
    route.abandoned = new Set([...route.abandoned].filter((id) => present.has(id)));
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
    const leaving = route.pods.filter((pod) => pod.isLeaving).map(({ id }) => id);
    route.leaving = new Map(leaving.map((id) => [id, before.get(id) ?? wasReady.has(id)]));
    const begun = leaving.filter((id) => !before.has(id) && wasReady.has(id));
    if (begun.length > 0) {
      const abandon = guard(() => this.#abandon(key, route, begun));
      setTimeout(abandon, LEAVING_MS).unref();
    }
  }

  #abandon(key: string, route: Route, ids: readonly string[]): void {
    for (const id of ids.filter((each) => route.leaving.has(each))) {
      route.leaving.set(id, false);
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
        upstream.close().catch((error: unknown) => endByFault(error));
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
  return {
    slices: [],
    pods: [],
    since: new Map(),
    abandoned: new Set(),
    leaving: new Map(),
    upstreams: [],
    next: 0,
  };
}

/**
 * Each pod once, at its address of IPv4 where it has two ("1" sorts before "["), and leaving as
 * soon as one slice says so: they are not written at the same time.
 */
function mergePods(slices: readonly RouteSlice[]): readonly RoutePod[] {
  const [first, ...others] = slices;
  if (others.length === 0) {
    return first?.pods ?? [];
  }
  const pods = new Map<string, RoutePod>();
  for (const pod of slices.flatMap((slice) => slice.pods)) {
    const known = pods.get(pod.id) ?? pod;
    pods.set(pod.id, {
      ...(known.origin < pod.origin ? known : pod),
      isLeaving: known.isLeaving || pod.isLeaving,
    });
  }
  return [...pods.values()];
}

/** When each pod came. @param version - of the slice that has just changed */
function toSince({ pods, since }: Route, version: string): Route["since"] {
  return new Map(pods.map(({ id }) => [id, since.get(id) ?? version]));
}

function readyIds({ pods }: Route): Set<string> {
  return new Set(pods.filter((pod) => !pod.isLeaving).map(({ id }) => id));
}

/** Origins of ready pods; where there are none, of those that have just begun to leave. */
function wantedOrigins({ pods, abandoned, leaving }: Route): Set<string> {
  const wanted = pods.filter(({ id }) => !abandoned.has(id));
  const ready = wanted.filter((pod) => !pod.isLeaving);
  const used = ready.length > 0 ? ready : wanted.filter(({ id }) => leaving.get(id) === true);
  return new Set(used.map(({ origin }) => origin));
}
