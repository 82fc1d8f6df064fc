/** The gateway's process. */
import type { Server as NetServer } from "node:net";
import { setFlagsFromString } from "node:v8";
import { loadConnection } from "../lib/kubeconfig.ts";
import { KubernetesClient } from "../lib/kubernetes.ts";
import { createLogger, messageOf } from "../lib/logger.ts";
import { closeServer, listen } from "../lib/servers.ts";
import { installShutdown } from "../lib/shutdown.ts";
import { BUILD } from "../lib/version.ts";
import { createGateway } from "./app.ts";
import { type GatewayConfig, readConfig } from "./config.ts";
import { listenWidely } from "./http/guard/index.ts";

/**
 * Garbage that V8 lets pile up beside the live heap, percent of it. With a limit as small as the
 * container's it would allow so little that it goes through all of the heap, for 10 ms and more,
 * about twice as often; the price is some 10 MiB.
 */
const HEAP_GROWTH_PERCENT = 100;

/** Kubernetes takes a pod out of its Services within a few seconds. */
const SETTLE_MS = 3000;

/** What a stopping gateway needs beside its calls, milliseconds. */
const CLOSE_MS = 5000;

async function run(config: GatewayConfig): Promise<void> {
  const logger = createLogger({ name: "gateway", level: config.logLevel });
  const client = new KubernetesClient(loadConnection());
  const gateway = await createGateway({ config, client, logger });
  const { server, metricsServer, health } = gateway;
  let further: readonly NetServer[] = [];
  installShutdown({
    logger,
    health,
    settleMs: SETTLE_MS,
    graceMs: () => gateway.longestCallMs() + CLOSE_MS,
    close: async () => {
      gateway.endStreams();
      await closeServer(server, further);
      await gateway.close();
      await closeServer(metricsServer);
    },
  });
  await listen(metricsServer, config.metricsPort);
  await gateway.start();
  further = await listenWidely(server, config.port);
  const { port, metricsPort } = config;
  logger.info({ port, metricsPort, ...BUILD }, "gateway ready");
}

setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
try {
  await run(readConfig(process.env));
} catch (error) {
  process.stderr.write(`gateway: ${messageOf(error)}\n`);
  process.exit(1);
}
