/** EndpointSlices of functions, cut down to what a route is made of: there may be 10,000. */
import { LABEL, PORT } from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import type { Logger } from "../../lib/logger.ts";
import { FRESH_SECONDS, ResourceWatch } from "../../lib/watch.ts";

/** A pod that serves. */
export interface RoutePod {
  /** The same in slices of IPv4 and of IPv6: a pod of a dual-stack Service is in both. */
  id: string;
  origin: string;
  /** It terminates; otherwise it takes calls. */
  isLeaving: boolean;
}

/** What a discovery.k8s.io/v1 EndpointSlice says about a function's pods. */
export interface RouteSlice {
  metadata: { name: string; namespace?: string; resourceVersion?: string };
  /** `namespace/name` of the function; undefined for a Service that is not the function's own. */
  routeKey: string | undefined;
  pods: readonly RoutePod[];
}

/** The part of an EndpointSlice that is read. */
interface EndpointSlice {
  metadata: RouteSlice["metadata"] & { labels?: Record<string, string> };
  endpoints?: Endpoint[] | null;
  ports?: { name?: string; port?: number }[] | null;
}

interface Endpoint {
  addresses: string[];
  targetRef?: { uid?: string } | null;
  conditions?: {
    ready?: boolean | null;
    serving?: boolean | null;
    terminating?: boolean | null;
  };
}

const SERVICE_NAME = "kubernetes.io/service-name";

/** Shared by all slices without such pods. */
const NONE: readonly RoutePod[] = [];

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
    renewSeconds: FRESH_SECONDS,
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
    pods: podsOf(slice),
  };
}

/** A Service is named as its function; other Services with the label are not the function's. */
function routeKeyOf({ metadata: { namespace, labels = {} } }: EndpointSlice): string | undefined {
  const name = labels[LABEL.function];
  return name === undefined || namespace === undefined || labels[SERVICE_NAME] !== name
    ? undefined
    : `${namespace}/${name}`;
}

function podsOf({ endpoints, ports }: EndpointSlice): readonly RoutePod[] {
  const serving = (endpoints ?? []).filter((each) => isReady(each) || isLeaving(each));
  const port = readPort(ports ?? []);
  return serving.length === 0 ? NONE : serving.map((endpoint) => toPod(endpoint, port));
}

function toPod(endpoint: Endpoint, port: number): RoutePod {
  const [first = ""] = endpoint.addresses;
  const origin = toOrigin(first, port);
  return { id: endpoint.targetRef?.uid ?? origin, origin, isLeaving: isLeaving(endpoint) };
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
