/** Which pods answer for which function: routes kept by a watch of EndpointSlices. */
import { EventEmitter } from "node:events";
import { LABEL, PORT } from "../contract/index.ts";
import { resourcePath, type KubernetesClient } from "../lib/kubernetes.ts";
import type { Logger } from "../lib/logger.ts";
import { ResourceWatch, type Change } from "../lib/watch.ts";
import { Pod } from "./pod.ts";

/** The part of a discovery.k8s.io/v1 EndpointSlice that is read. */
export interface EndpointSlice {
  metadata: {
    name: string;
    namespace?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
  };
  endpoints?: Endpoint[] | null;
  ports?: { name?: string; port?: number; protocol?: string }[] | null;
}

interface Endpoint {
  addresses: string[];
  conditions?: {
    ready?: boolean | null;
    serving?: boolean | null;
    terminating?: boolean | null;
  };
}

const SERVICE_NAME = "kubernetes.io/service-name";

/** Ready pods; where there are none, those that still serve while they terminate. */
interface Addresses {
  ready: Set<string>;
  leaving: Set<string>;
}

/** The pods of one function. */
interface Route {
  slices: Map<string, Addresses>;
  /** Where its pods are, without ports. */
  addresses: string[];
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
  readonly watch: ResourceWatch<EndpointSlice>;
  readonly #options: EndpointsOptions;
  readonly #routes = new Map<string, Route>();

  constructor(watch: ResourceWatch<EndpointSlice>, options: EndpointsOptions) {
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

  /** Addresses of the pods of every function, without ports, by `namespace/name`. */
  *addresses(): Generator<[key: string, addresses: string[]]> {
    for (const [key, { addresses }] of this.#routes) {
      yield [key, addresses];
    }
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

  #apply({ key, current, previous }: Change<EndpointSlice>): void {
    const routeKey = routeKeyOf(current ?? previous);
    if (routeKey === undefined) {
      return;
    }
    const route = this.#routes.get(routeKey) ?? newRoute();
    if (current === undefined) {
      route.slices.delete(key);
    } else {
      route.slices.set(key, readAddresses(current));
    }
    this.#replacePods(routeKey, route);
    if (route.slices.size === 0) {
      this.#routes.delete(routeKey);
    } else {
      this.#routes.set(routeKey, route);
    }
    this.emit("change", routeKey);
  }

  #replacePods(key: string, route: Route): void {
    const { createPod, toServiceOrigin } = this.#options;
    const origins = wantedOrigins(route);
    route.addresses = Array.from(origins, (origin) => new URL(origin).hostname);
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

function newRoute(): Route {
  return { slices: new Map(), addresses: [], pods: [], next: 0 };
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

function wantedOrigins({ slices }: Route): Set<string> {
  const ready = new Set<string>();
  const leaving = new Set<string>();
  for (const addresses of slices.values()) {
    addresses.ready.forEach((origin) => ready.add(origin));
    addresses.leaving.forEach((origin) => leaving.add(origin));
  }
  return ready.size > 0 ? ready : leaving;
}

/** A Service is named as its function; other Services with the label are not the function's. */
function routeKeyOf(slice: EndpointSlice | undefined): string | undefined {
  const labels = slice?.metadata.labels ?? {};
  const name = labels[LABEL.function];
  const namespace = slice?.metadata.namespace;
  return name === undefined || namespace === undefined || labels[SERVICE_NAME] !== name
    ? undefined
    : `${namespace}/${name}`;
}

function readAddresses({ endpoints, ports }: EndpointSlice): Addresses {
  const port = readPort(ports ?? []);
  const ready = new Set<string>();
  const leaving = new Set<string>();
  for (const { addresses, conditions = {} } of endpoints ?? []) {
    const origin = toOrigin(addresses[0] ?? "", port);
    if (conditions.terminating !== true && conditions.ready !== false) {
      ready.add(origin);
    } else if (conditions.terminating === true && conditions.serving === true) {
      leaving.add(origin);
    }
  }
  return { ready, leaving };
}

function toOrigin(address: string, port: number): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function readPort(ports: NonNullable<EndpointSlice["ports"]>): number {
  const named = ports.find(({ name }) => name === "http") ?? ports[0];
  return named?.port ?? PORT.function;
}

/**
 * A watch of the EndpointSlices of the functions of one namespace, or of all where none is given;
 * it has to be started.
 */
export function createEndpointWatch(
  client: KubernetesClient,
  namespace: string | undefined,
  logger: Logger,
): ResourceWatch<EndpointSlice> {
  return new ResourceWatch<EndpointSlice>({
    client,
    path: resourcePath({
      group: "discovery.k8s.io",
      plural: "endpointslices",
      ...(namespace !== undefined && { namespace }),
    }),
    labelSelector: LABEL.function,
    logger,
    project: ({ metadata, endpoints, ports }) => {
      const { name, namespace: place, resourceVersion, labels = {} } = metadata;
      return {
        metadata: {
          name,
          ...(place !== undefined && { namespace: place }),
          ...(resourceVersion !== undefined && { resourceVersion }),
          labels: pickLabels(labels),
        },
        endpoints: (endpoints ?? []).map(({ addresses, conditions }) => ({
          addresses,
          ...(conditions !== undefined && { conditions }),
        })),
        ports: ports ?? [],
      };
    },
  });
}

function pickLabels(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    [LABEL.function, SERVICE_NAME].flatMap((name) => {
      const value = labels[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
