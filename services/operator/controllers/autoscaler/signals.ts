/** The loads of a function by its signals, each from where it is known. */
import {
  type AimedSignal,
  type Autoscale,
  type FunctionResource,
  toDisplayName,
} from "../../../../contract/index.ts";
import { type Logger, messageOf } from "../../../lib/logger.ts";
import type { PodUsage } from "../../../lib/pod-usage.ts";
import type { PrometheusApi } from "../../../lib/prometheus.ts";
import type { GatewayEndpoint } from "../../kubernetes/gateway-endpoints.ts";
import type { Load } from "./decide.ts";
import { type FunctionLoads, GatewayLoadsReader } from "./gateway-loads.ts";
import { Polled } from "./polled.ts";

/** Of the pods of a function that are measured. */
type Usage = Pick<PodUsage, "pods" | "cpu">;

export interface SignalReaderOptions {
  logger: Logger;
  /** The gateways that there are; undefined: nobody knows. */
  gateways: () => readonly GatewayEndpoint[] | undefined;
  /** Says where a gateway's metrics are, for tests. */
  locateGateway?: ((address: string) => string) | undefined;
  /** Thousandths of a core that the pods of each function of a namespace use, by its name. */
  readUsage: (namespace: string) => Promise<ReadonlyMap<string, Usage>>;
  prometheus: Pick<PrometheusApi, "querySum" | "close">;
  /** Longest wait for a gateway's answer, milliseconds. @default 800 */
  gatewayTimeoutMs?: number;
  /** Of a clock that never goes back, milliseconds. */
  now: () => number;
}

/** A function, and how its load scales it. */
export interface ScaledFunction {
  resource: FunctionResource;
  autoscale: Autoscale;
}

export interface Loads {
  loads: readonly Load[];
  idleMs: number | undefined;
}

export class SignalReader {
  readonly #gateways: GatewayLoadsReader;
  readonly #usage: Polled<ReadonlyMap<string, Usage>>;
  readonly #queries: Polled<number | undefined>;
  readonly #prometheus: Pick<PrometheusApi, "close">;

  constructor(options: SignalReaderOptions) {
    const { logger, now, readUsage, prometheus, locateGateway, gatewayTimeoutMs } = options;
    this.#prometheus = prometheus;
    const tell = (what: string) => (key: string, error: unknown) => {
      logger.warn({ [what]: key, reason: messageOf(error) }, "load not known");
    };
    this.#gateways = new GatewayLoadsReader({
      ...options,
      locate: locateGateway,
      timeoutMs: gatewayTimeoutMs,
    });
    this.#usage = new Polled({ read: readUsage, now, onFailure: tell("namespace") });
    this.#queries = new Polled({
      read: (query) => prometheus.querySum(query),
      now,
      onFailure: tell("query"),
    });
  }

  /** Asks for what these functions need, which are scaled by their load. */
  async look(functions: readonly ScaledFunction[]): Promise<void> {
    this.#usage.sweep();
    this.#queries.sweep();
    if (functions.length > 0) {
      const withQueue = functions.some(
        ({ autoscale: { signals, zeroAfterMs } }) =>
          zeroAfterMs !== undefined || signals.some(({ type }) => type === "queue"),
      );
      const names = functions.map(({ resource }) => toDisplayName(resource.metadata));
      await this.#gateways.look(names, withQueue);
    }
  }

  of(resource: FunctionResource, { signals }: Autoscale): Loads {
    const known = this.#gateways.of(toDisplayName(resource.metadata));
    return {
      loads: signals.map((signal) => this.#read(signal, resource, known)),
      idleMs: known.idleMs,
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#gateways.close(), this.#prometheus.close()]);
  }

  #read({ type, query = "" }: AimedSignal, resource: FunctionResource, known: FunctionLoads): Load {
    switch (type) {
      case "cpu":
        return this.#readUsage(resource);
      case "prometheus":
        return { value: this.#queries.get(query), isWhole: true };
      default:
        return known[type];
    }
  }

  /** Pods that have just come are measured later. */
  #readUsage({ metadata: { name, namespace }, status }: FunctionResource): Load {
    const usage = this.#usage.get(namespace)?.get(name);
    const isWhole = (usage?.pods ?? 0) >= (status?.availableReplicas ?? 0);
    return { value: usage?.cpu, isWhole };
  }
}
