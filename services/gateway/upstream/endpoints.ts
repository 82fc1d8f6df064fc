/** Which pods answer for which function: routes kept by a watch of EndpointSlices. */
import { EventEmitter } from "node:events";
import { PORT } from "../../../contract/index.ts";
import type { Change, ResourceWatch } from "../../lib/watch.ts";
import type { RouteSlice } from "./endpoint-slices.ts";
import type { Pod } from "./pod.ts";

/** The pods of one function. */
interface Route {
  slices: RouteSlice[];
  /** What calls are sent to: its pods, or its one Service as long as that has any. */
  pods: Pod[];
  /** Where the next search begins, so that equally loaded pods take turns. */
  next: number;
}

export interface RouteEvents {
  /** A function's pods have changed; the key is `namespace/name`. */
  change: [key: string];
}

export interface EndpointsOptions {
  /** Makes what calls are sent to, by its origin. */
  createPod: (origin: string) => Pod;
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

  /** Whether a function has a pod that takes calls. */
  has(key: string): boolean {
    return (this.#routes.get(key)?.pods.length ?? 0) > 0;
  }

  /**
   * The pod with the fewest calls in flight, or undefined when there is none. Pods that rest are
   * chosen only when there is no other.
   * @param avoided - pods that are not chosen at all
   */
  pick(key: string, avoided?: ReadonlySet<Pod>): Pod | undefined {
    const route = this.#routes.get(key);
    if (route === undefined) {
      return undefined;
    }
    const { pods } = route;
    let best: Pod | undefined;
    let index = route.next++;
    for (let left = pods.length; left > 0; left--) {
      const pod = pods[index++ % pods.length];
      if (pod === undefined || avoided?.has(pod) === true) {
        continue;
      }
      if (isFree(pod)) {
        return pod;
      }
      best = best === undefined || isBetter(pod, best) ? pod : best;
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

  /** Closes the connections to all pods, after the calls in flight. */
  async close(): Promise<void> {
    const pods = [...this.#routes.values()].flatMap((route) => route.pods);
    await Promise.all(pods.map((pod) => pod.close()));
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
    const route = this.#routes.get(routeKey) ?? { slices: [], pods: [], next: 0 };
    route.slices = route.slices.filter((slice) => slice !== previous);
    if (current?.routeKey === routeKey) {
      route.slices.push(current);
    }
    this.#replacePods(routeKey, route);
    if (route.slices.length === 0) {
      this.#routes.delete(routeKey);
    } else {
      this.#routes.set(routeKey, route);
    }
    this.emit("change", routeKey);
  }

  #replacePods(key: string, route: Route): void {
    const { createPod, toServiceOrigin } = this.#options;
    const origins = wantedOrigins(route);
    const wanted =
      toServiceOrigin === undefined || origins.size === 0
        ? origins
        : new Set([toServiceOrigin(key)]);
    const kept = new Map(route.pods.map((pod) => [pod.origin, pod]));
    route.pods = Array.from(wanted, (origin) => kept.get(origin) ?? createPod(origin));
    for (const [origin, pod] of kept) {
      if (!wanted.has(origin)) {
        void pod.close();
      }
    }
  }
}

function isFree({ inFlight, isResting }: Pod): boolean {
  return inFlight === 0 && !isResting;
}

function isBetter(pod: Pod, best: Pod): boolean {
  return pod.isResting === best.isResting ? pod.inFlight < best.inFlight : best.isResting;
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

/** Ready pods; where there are none, those that still serve while they terminate. */
function wantedOrigins({ slices }: Route): Set<string> {
  const ready = slices.flatMap((slice) => slice.ready);
  return new Set(ready.length > 0 ? ready : slices.flatMap((slice) => slice.leaving));
}
