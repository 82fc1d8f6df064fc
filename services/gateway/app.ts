/** The wiring of the gateway; it listens to nothing. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { FUNCTION_TARGETS_PATH } from "../contract/index.ts";
import type { KubernetesClient } from "../lib/kubernetes.ts";
import { Health } from "../lib/health.ts";
import type { Logger } from "../lib/logger.ts";
import { createMetricsServer, createRegistry } from "../lib/metrics.ts";
import { NatsLink } from "../lib/nats.ts";
import { BasicAuth } from "./auth.ts";
import { CallQueue } from "./call-queue.ts";
import { ColdStarts } from "./cold-starts.ts";
import type { GatewayConfig } from "./config.ts";
import { createEndpointWatch, Endpoints } from "./endpoints.ts";
import { enqueue, type EnqueueContext } from "./enqueue.ts";
import { listFunctionTargets } from "./function-targets.ts";
import { createFunctionWatch } from "./functions.ts";
import { InvocationCounts } from "./invocation-counts.ts";
import { invoke, type InvokeContext } from "./invoke.ts";
import { GatewayMetrics, registerServiceCount } from "./metrics.ts";
import { cleanPath, PREFIX, splitTarget } from "./paths.ts";
import { sendBadTarget, sendMoved } from "./plain.ts";
import { createSystemApp } from "./routes/system.ts";
import { scaleFunction } from "./scaling.ts";
import { upgrade } from "./upgrade.ts";

export interface GatewayDependencies {
  config: GatewayConfig;
  client: KubernetesClient;
  logger: Logger;
}

export interface Gateway {
  /** Functions and `/system`. */
  server: Server;
  /** `/metrics`, `/healthz`, `/readyz`. */
  metricsServer: Server;
  health: Health;
  /** Begins to watch and waits until the gateway knows its functions. */
  start(): Promise<void>;
  /** Ends what `start` began, after the calls in flight. */
  close(): Promise<void>;
}

/** Builds a gateway. Throws when its credentials are missing. */
export async function createGateway(dependencies: GatewayDependencies): Promise<Gateway> {
  const { config, client, logger } = dependencies;
  const { functionNamespace } = config;
  const registry = createRegistry();
  const health = new Health();
  const auth =
    config.secretMountPath === undefined
      ? undefined
      : new BasicAuth(config.secretMountPath, logger);
  const functions = createFunctionWatch(client, functionNamespace, logger);
  const endpoints = new Endpoints(createEndpointWatch(client, functionNamespace, logger));
  const coldStarts = new ColdStarts({
    config: config.scaleFromZero,
    functions,
    endpoints,
    scale: (reference, replicas) => scaleFunction(client, reference, replicas),
    logger,
  });
  const link =
    config.nats === undefined
      ? undefined
      : new NatsLink({
          ...config.nats,
          clientName: "plonk-gateway",
          logger,
          registry,
          reconnectMetric: "gateway_nats_reconnect_total",
        });
  const queue = link === undefined ? undefined : new CallQueue(link, logger);
  const context: InvokeContext & EnqueueContext = {
    functions,
    functionNamespace,
    endpoints,
    coldStarts,
    metrics: new GatewayMetrics(registry),
    queue,
    logger,
    upstreamTimeoutMs: config.upstreamTimeoutMs,
  };
  registerServiceCount(registry, functions);
  health.addCheck("functions", () => functions.problem());
  health.addCheck("endpoints", () => endpoints.watch.problem());
  let server: Server | undefined;
  const system = createSystemApp({
    client,
    functions,
    counts: new InvocationCounts(config.prometheusUrl, logger),
    functionNamespace,
    auth,
    logger,
    serverFactory: (handler) => (server = createFrontServer(config, context, handler)),
  });
  await system.ready();
  return {
    server: server ?? system.server,
    metricsServer: createMetricsServer({
      registry,
      health,
      pages: { [FUNCTION_TARGETS_PATH]: () => listFunctionTargets(endpoints) },
    }),
    health,
    start: async () => {
      functions.start();
      endpoints.watch.start();
      await Promise.all([functions.waitForSync(), endpoints.watch.waitForSync()]);
    },
    close: async () => {
      queue?.close();
      await Promise.all([functions.stop(), endpoints.watch.stop(), link?.close()]);
      await endpoints.close();
      await client.close();
    },
  };
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** One server for both sides: calls take the short way, the rest goes to Fastify. */
function createFrontServer(
  config: GatewayConfig,
  context: InvokeContext & EnqueueContext,
  system: Handler,
): Server {
  const server = createServer({
    requestTimeout: config.readTimeoutMs,
    headersTimeout: Math.min(config.readTimeoutMs, 60_000),
    keepAliveTimeout: 75_000,
    maxHeaderSize: 64 * 1024,
  });
  // A connection is silent while a cold function starts, and that is no fault of the caller.
  server.timeout = config.writeTimeoutMs + (config.scaleFromZero?.timeoutMs ?? 0);
  server.on("request", (request, response) => route({ context, request, response, system }));
  server.on("upgrade", (request, socket, head) => upgrade(context, { request, socket, head }));
  return server;
}

interface Routing {
  context: InvokeContext & EnqueueContext;
  request: IncomingMessage;
  response: ServerResponse;
  system: Handler;
}

function route({ context, request, response, system }: Routing): void {
  const target = splitTarget(request.url ?? "/");
  if (target === undefined) {
    sendBadTarget(response);
    return;
  }
  const cleaned = cleanPath(target.path);
  if (cleaned !== target.path) {
    sendMoved(response, `${cleaned}${target.query}`);
  } else if (cleaned.startsWith(PREFIX.sync)) {
    invoke(context, { request, response, target });
  } else if (cleaned.startsWith(PREFIX.async)) {
    enqueue(context, { request, response, target });
  } else {
    request.url = `${cleaned}${target.query}`;
    system(request, response);
  }
}
