/** Where the platform's gateways are: the EndpointSlices of their Service. */
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import type { Logger } from "../../lib/logger.ts";
import { ResourceWatch } from "../../lib/watch.ts";
import type { Metadata } from "./types.ts";

/** A gateway that takes calls, or has some still. */
export interface GatewayEndpoint {
  address: string;
  /** It takes no more, and may be gone at any time. */
  isLeaving: boolean;
}

interface GatewaySlice {
  metadata: Metadata;
  gateways: readonly GatewayEndpoint[];
}

/** The part of a discovery.k8s.io/v1 EndpointSlice that is read. */
interface EndpointSlice {
  metadata: Metadata;
  endpoints?: readonly Endpoint[] | null;
}

interface Endpoint {
  addresses: readonly string[];
  conditions?: {
    ready?: boolean | null;
    serving?: boolean | null;
    terminating?: boolean | null;
  };
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
    return this.#watch.hasSynced
      ? Array.from(this.#watch.values()).flatMap(({ gateways }) => gateways)
      : undefined;
  }
}

function toSlice({ metadata, endpoints }: EndpointSlice): GatewaySlice {
  const { name, namespace, resourceVersion } = metadata;
  const gateways = (endpoints ?? []).flatMap(({ addresses: [address], conditions = {} }) => {
    const { ready, serving, terminating } = conditions;
    const isLeaving = terminating === true;
    const isThere = isLeaving ? serving === true : ready !== false;
    return address !== undefined && isThere ? [{ address, isLeaving }] : [];
  });
  return {
    metadata: {
      name,
      ...(namespace && { namespace }),
      ...(resourceVersion && { resourceVersion }),
    },
    gateways,
  };
}
