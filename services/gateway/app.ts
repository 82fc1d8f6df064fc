/** The wiring of the gateway; it listens to nothing. */
import type { Server } from "node:http";
import type { RouteOptions } from "fastify";
import { LOADS_PATH } from "../../contract/gateway-loads.ts";
import { AddressPolicy } from "../lib/address-policy.ts";
import { endByFault, logFaultsTo } from "../lib/faults.ts";
import { Health } from "../lib/health.ts";
import type { KubernetesClient } from "../lib/kubernetes.ts";
import type { Logger } from "../lib/logger.ts";
import { createMetricsServer, createRegistry, type Registry } from "../lib/metrics.ts";
import { NatsConnector } from "../lib/nats.ts";
import { PrometheusApi } from "../lib/prometheus.ts";
import { createAuthenticator } from "./auth/authenticator.ts";
import { FunctionGuard } from "./auth/function-guard.ts";
import { QueueMarks } from "./auth/queue-marks.ts";
import { Admission } from "./calls/admission.ts";
import { AsyncPublisher } from "./calls/async-publisher.ts";
import { CallClock } from "./calls/call-clock.ts";
import { ColdStarts } from "./calls/cold-starts.ts";
import { FunctionStates } from "./calls/function-states.ts";
import { LoadsReader } from "./calls/loads.ts";
import { longestCallMs } from "./calls/longest-call.ts";
import { QueueDepths } from "./calls/queue-depth.ts";
import { QueueFactsReader } from "./calls/queue-facts.ts";
import { QueueMetrics } from "./calls/queue-metrics.ts";
import type { QueueOptionRules } from "./calls/queue-options.ts";
import { Tunnels } from "./calls/tunnel.ts";
import { WorkerLoads } from "./calls/worker-loads.ts";
import { WorkerScaleMetrics } from "./calls/worker-scale-metrics.ts";
import { WorkerScaler } from "./calls/worker-scaler.ts";
import { FunctionWatch } from "./cluster/functions.ts";
import { FunctionNamespaces } from "./cluster/namespaces.ts";
import { scaleFunction } from "./cluster/scaling.ts";
import { WorkerDeployment } from "./cluster/worker-deployment.ts";
import type { GatewayConfig } from "./config.ts";
import { createFrontServer, type FrontContext } from "./front-server.ts";
import { TrustedPeers } from "./http/trusted-peers.ts";
import { forgetDeleted, GatewayMetrics, registerCalls, registerSilence } from "./metrics.ts";
import { registerScale } from "./scale-metrics.ts";
import { FunctionStatsReader } from "./system/function-stats.ts";
import { InvocationCounts } from "./system/invocation-counts.ts";
import { createStore } from "./system/store.ts";
import { createSystemApp } from "./system/system.ts";
import { createEndpointWatch } from "./upstream/endpoint-slices.ts";
import { Endpoints, serviceOrigins } from "./upstream/endpoints.ts";
import { type Locate, Upstream } from "./upstream/upstream.ts";

export interface GatewayDependencies {
  config: GatewayConfig;
  client: KubernetesClient;
  logger: Logger;
  /** Says where Services are, for tests. */
  locate?: Locate;
  /** Hears of each route of Fastify's; for the API's document. */
  onRoute?: (route: RouteOptions) => void;
}

export interface Gateway {
  /** Functions and `/system`. */
  server: Server;
  /** `/metrics`, `/healthz`, `/readyz`, `/loads`. */
  metricsServer: Server;
  health: Health;
  /** Begins to watch and waits until the gateway knows its functions. */
  start(): Promise<void>;
  /** Longest time for which a call that there is may still be in flight, milliseconds. */
  longestCallMs(): number;
  /** Ends what has no end by itself: upgraded connections, and logs that are followed. */
  endStreams(): void;
  /** Ends what `start` began, after the calls in flight. */
  close(): Promise<void>;
}

/** The gateway's copies of what the cluster holds. */
interface ClusterWatches {
  namespaces: FunctionNamespaces;
  functions: FunctionWatch;
  endpoints: Endpoints;
  /** Resolves when the copies are complete. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

function watchCluster(dependencies: GatewayDependencies, health: Health): ClusterWatches {
  const { config, client, logger, locate } = dependencies;
  const { timeouts, serviceSuffix } = config.calls;
  const namespaces = new FunctionNamespaces({ ...config, client, logger });
  const functions = new FunctionWatch({ client, logger, namespaces });
  const watch = createEndpointWatch(client, namespaces.scope, logger);
  const endpoints = new Endpoints(watch, {
    createUpstream: (origin) => new Upstream({ origin, connectMs: timeouts.connectMs, locate }),
    toServiceOrigin:
      serviceSuffix === undefined
        ? undefined
        : serviceOrigins(serviceSuffix, config.functionNamespace),
  });
  functions.on("change", ({ key, goneAt }) => {
    if (goneAt !== undefined) {
      endpoints.abandon(key, goneAt);
    }
  });
  health.addCheck("namespaces", () => namespaces.problem());
  health.addCheck("functions", () => functions.problem());
  health.addCheck("endpoints", () => watch.problem());
  return {
    ...{ namespaces, functions, endpoints },
    start: async () => {
      functions.start();
      watch.start();
      await Promise.all([namespaces.start(), functions.waitForSync(), watch.waitForSync()]);
    },
    stop: async () => {
      await Promise.all([namespaces.stop(), functions.stop(), watch.stop()]);
    },
  };
}

/** The connection to the queue, where there is one. */
function createLink(
  { config, logger }: GatewayDependencies,
  registry: Registry,
): NatsConnector | undefined {
  return config.nats === undefined
    ? undefined
    : new NatsConnector({
        ...config.nats,
        clientName: "plonk-gateway",
        logger,
        registry,
        reconnectMetric: "gateway_nats_reconnect_total",
      });
}

function createQueue(
  dependencies: GatewayDependencies,
  nats: NatsConnector | undefined,
  registry: Registry,
): { queue: AsyncPublisher | undefined; scaler: WorkerScaler | undefined } {
  const { logger, config } = dependencies;
  const { streamTerms: terms } = config;
  const queue = nats && new AsyncPublisher({ nats, logger, registry, terms });
  return { queue, scaler: createScaler(dependencies, nats, { queue, registry }) };
}

/** What gives the queue its workers, where this gateway does. */
function createScaler(
  { config, client, logger }: GatewayDependencies,
  link: NatsConnector | undefined,
  { queue, registry }: { queue: AsyncPublisher | undefined; registry: Registry },
): WorkerScaler | undefined {
  const { workers: rules, platformNamespace } = config;
  if (rules === undefined || link === undefined || queue === undefined) {
    return undefined;
  }
  const loads = new WorkerLoads();
  link
    .connection()
    .then(
      (connection) => loads.listen(connection),
      // It is closed before it was ever connected.
      () => undefined,
    )
    .catch((error: unknown) => endByFault(error));
  const facts = new QueueFactsReader({
    access: () => queue.link.access,
    states: queue.states,
    loads,
    queueNames: config.queueNames,
  });
  const deployment = new WorkerDeployment(client, platformNamespace);
  const metrics = new WorkerScaleMetrics(registry);
  const scaler = new WorkerScaler({ facts, deployment, rules, metrics, logger });
  queue.onQueued = () => scaler.wake();
  return scaler;
}

function toQueueRules({ callbackAllow, platformNamespace }: GatewayConfig): QueueOptionRules {
  return {
    callbacks: new AddressPolicy(callbackAllow),
    ownHosts: ["gateway", `gateway.${platformNamespace}`],
  };
}

/** What calls share with the rest of a gateway. */
interface SharedParts extends Pick<FrontContext, "health" | "marks" | "peers" | "queue"> {
  cluster: ClusterWatches;
  registry: Registry;
  auth: ReturnType<typeof createAuthenticator>;
}

function createFrontContext(
  { config, client, logger }: GatewayDependencies,
  { cluster: { functions, endpoints }, registry, auth, ...shared }: SharedParts,
): FrontContext {
  const { functionNamespace, calls, queueNames } = config;
  const metrics = new GatewayMetrics(registry);
  forgetDeleted(metrics, functions);
  return {
    ...config,
    ...shared,
    states: new FunctionStates({
      ...calls,
      ...{ functions, functionNamespace, metrics, queueNames },
    }),
    endpoints,
    coldStarts: new ColdStarts({
      config: config.scaleFromZero,
      functions,
      endpoints,
      scale: async (target, replicas) => {
        await scaleFunction(client, target, replicas);
      },
      logger,
    }),
    admission: new Admission(calls),
    clock: new CallClock(),
    guard: new FunctionGuard({ auth, peers: shared.peers, logger }),
    tunnels: new Tunnels(),
    queueRules: toQueueRules(config),
    queueMetrics: new QueueMetrics(registry),
    logger,
  };
}

/** Builds a gateway. Throws when its credentials are missing. */
export async function createGateway(dependencies: GatewayDependencies): Promise<Gateway> {
  const { config, client, logger } = dependencies;
  logFaultsTo(logger);
  const { functionNamespace, platformNamespace, calls } = config;
  const { runtimeImage, queueNames, assetsDirectory } = config;
  const registry = createRegistry();
  const health = new Health();
  const auth = createAuthenticator({ ...config, logger });
  const marks = new QueueMarks(config.queueSecretPath, logger);
  const peers = new TrustedPeers(calls.trustedProxies);
  const cluster = watchCluster(dependencies, health);
  const { namespaces, functions, endpoints } = cluster;
  const link = createLink(dependencies, registry);
  const { queue, scaler } = createQueue(dependencies, link, registry);
  const parts = { cluster, registry, health, auth, marks, peers, queue };
  const context = createFrontContext(dependencies, parts);
  registerScale(registry, { functions, endpoints, states: context.states });
  registerCalls(registry, context.admission);
  registerSilence(registry, [namespaces.watch, functions, endpoints.watch]);
  const prometheus = new PrometheusApi(config.prometheus, logger);
  const store = createStore(config.store, { runtimeImage, logger });
  let server: Server | undefined;
  const logs = new AbortController();
  const system = await createSystemApp({
    stopping: logs.signal,
    client,
    functions,
    counts: new InvocationCounts(prometheus, logger),
    stats: new FunctionStatsReader(prometheus, logger),
    queue,
    ...{ runtimeImage, functionNamespace, platformNamespace, queueNames, assetsDirectory },
    store,
    namespaces,
    auth,
    marks,
    peers,
    logger,
    onRoute: dependencies.onRoute,
    serverFactory: (handler) => (server = createFrontServer(config, context, handler)),
  });
  await system.ready();
  const front = server ?? system.server;
  const depths = queue && new QueueDepths(() => queue.link.access.manager);
  const loads = new LoadsReader({ states: context.states, depths });
  // Only then: who is ready gets connections.
  health.addCheck("port", () => (front.listening ? undefined : "not listening yet"));
  return {
    server: front,
    metricsServer: createMetricsServer({
      registry,
      health,
      pages: { [LOADS_PATH]: (query) => loads.read(query) },
    }),
    health,
    start: async () => {
      scaler?.start();
      await cluster.start();
    },
    longestCallMs: () => longestCallMs({ ...config, ...calls, functions: functions.values() }),
    endStreams: () => {
      context.tunnels.closeAll();
      logs.abort();
    },
    close: async () => {
      await scaler?.stop();
      queue?.close();
      await Promise.all([cluster.stop(), link?.close(), prometheus.close(), store.close()]);
      await endpoints.close();
      await client.close();
    },
  };
}
