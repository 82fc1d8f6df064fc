/** Where the platform's gateways are: the EndpointSlices of their Service. */
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import type { Logger } from "../../lib/logger.ts";
import { FRESH_SECONDS, ResourceWatch } from "../../lib/watch.ts";
import { trimToMetadata } from "./transforms.ts";
import type { Metadata } from "./types.ts";

/** A gateway that takes calls, or has some still. */
export interface GatewayEndpoint {
  address: string;
  /** It takes calls, by its own account. */
  isReady: boolean;
  /** It takes no more, and may be gone at any time. */
  isLeaving: boolean;
}

interface GatewaySlice {
  metadata: Metadata;
  gateways: readonly (GatewayEndpoint & {
    /** The same in slices of IPv4 and of IPv6. */
    id: string;
  })[];
}

/** The part of a discovery.k8s.io/v1 EndpointSlice that is read. */
interface EndpointSlice {
  metadata: Metadata;
  endpoints?: readonly Endpoint[] | null;
}

interface Endpoint {
  addresses: readonly string[];
  targetRef?: { uid?: string } | null;
  conditions?: { ready?: boolean | null; terminating?: boolean | null };
}

const SELECTOR = "kubernetes.io/service-name=gateway";

/** Follows the gateways; it has to be started, and nothing has to wait for it. */
export class GatewayEndpoints {
  readonly #watch: ResourceWatch<GatewaySlice, EndpointSlice>;

  constructor(client: KubernetesClient, namespace: string, logger: Logger) {
    const group = "discovery.k8s.io";
    this.#watch = new ResourceWatch<GatewaySlice, EndpointSlice>({
      client,
      logger,
      path: resourcePath({ group, plural: "endpointslices", namespace }),
      labelSelector: SELECTOR,
      // Calls at one that nobody knows of would count for none.
      renewSeconds: FRESH_SECONDS,
      project: toSlice,
    });
  }

  start(): void {
    this.#watch.start();
  }

  stop(): Promise<void> {
    return this.#watch.stop();
  }

  /** Those that there are; undefined: nobody knows yet. */
  list(): readonly GatewayEndpoint[] | undefined {
    if (!this.#watch.hasSynced) {
      return undefined;
    }
    const all = Array.from(this.#watch.values()).flatMap(({ gateways }) => gateways);
    return [...new Map(all.map((gateway) => [gateway.id, gateway])).values()];
  }
}

function toSlice({ metadata, endpoints }: EndpointSlice): GatewaySlice {
  const gateways = (endpoints ?? []).flatMap(({ addresses: [address], ...endpoint }) => {
    const { targetRef, conditions = {} } = endpoint;
    const isReady = conditions.ready !== false;
    const isLeaving = conditions.terminating === true;
    return address === undefined
      ? []
      : [{ id: targetRef?.uid ?? address, address, isReady, isLeaving }];
  });
  return { ...trimToMetadata({ metadata }), gateways };
}
