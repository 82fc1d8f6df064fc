/** EndpointSlices of functions, cut down to what a route is made of: there may be 10,000. */
import { LABEL, PORT } from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import type { Logger } from "../../lib/logger.ts";
import { ResourceWatch } from "../../lib/watch.ts";

/** What a discovery.k8s.io/v1 EndpointSlice says about a function's pods. */
export interface RouteSlice {
  metadata: { name: string; namespace?: string; resourceVersion?: string };
  /** `namespace/name` of the function; undefined for a Service that is not the function's own. */
  routeKey: string | undefined;
  /** Origins of pods that take calls. */
  ready: readonly string[];
  /** Origins of pods that still serve while they terminate. */
  leaving: readonly string[];
}

/** The part of an EndpointSlice that is read. */
interface EndpointSlice {
  metadata: RouteSlice["metadata"] & { labels?: Record<string, string> };
  endpoints?: Endpoint[] | null;
  ports?: { name?: string; port?: number }[] | null;
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

/** Shared by all slices without such pods. */
const NONE: readonly string[] = [];

/**
 * A watch of the EndpointSlices of the functions of one namespace, or of all where none is given;
 * it has to be started.
 */
export function createEndpointWatch(
  client: KubernetesClient,
  namespace: string | undefined,
  logger: Logger,
): ResourceWatch<RouteSlice> {
  return new ResourceWatch<RouteSlice, EndpointSlice>({
    client,
    path: resourcePath({
      group: "discovery.k8s.io",
      plural: "endpointslices",
      ...(namespace !== undefined && { namespace }),
    }),
    labelSelector: LABEL.function,
    logger,
    project: toRouteSlice,
  });
}

function toRouteSlice(slice: EndpointSlice): RouteSlice {
  const { name, namespace, resourceVersion } = slice.metadata;
  return {
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    routeKey: routeKeyOf(slice),
    ready: originsOf(slice, isReady),
    leaving: originsOf(slice, isLeaving),
  };
}

/** A Service is named as its function; other Services with the label are not the function's. */
function routeKeyOf({ metadata: { namespace, labels = {} } }: EndpointSlice): string | undefined {
  const name = labels[LABEL.function];
  return name === undefined || namespace === undefined || labels[SERVICE_NAME] !== name
    ? undefined
    : `${namespace}/${name}`;
}

function originsOf(
  { endpoints, ports }: EndpointSlice,
  isWanted: (endpoint: Endpoint) => boolean,
): readonly string[] {
  const wanted = (endpoints ?? []).filter(isWanted);
  const port = readPort(ports ?? []);
  return wanted.length === 0
    ? NONE
    : wanted.map(({ addresses: [first = ""] }) => toOrigin(first, port));
}

function isReady({ conditions = {} }: Endpoint): boolean {
  return conditions.terminating !== true && conditions.ready !== false;
}

function isLeaving({ conditions = {} }: Endpoint): boolean {
  return conditions.terminating === true && conditions.serving === true;
}

function toOrigin(address: string, port: number): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function readPort(ports: NonNullable<EndpointSlice["ports"]>): number {
  const named = ports.find(({ name }) => name === "http") ?? ports[0];
  return named?.port ?? PORT.function;
}
