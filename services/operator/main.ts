/** The operator's process. */
import { Health } from "../lib/health.ts";
import { KubernetesClient } from "../lib/kubernetes.ts";
import { createLogger, messageOf } from "../lib/logger.ts";
import { createMetricsServer, createRegistry } from "../lib/metrics.ts";
import { closeServer, listen } from "../lib/servers.ts";
import { installShutdown } from "../lib/shutdown.ts";
import { BUILD } from "../lib/version.ts";
import { createOperator } from "./app.ts";
import { readConfig } from "./config.ts";

async function run(): Promise<void> {
  const config = readConfig();
  const logger = createLogger({ name: "operator", level: config.logLevel });
  const registry = createRegistry();
  const health = new Health();
  const client = new KubernetesClient();
  const operator = createOperator({ client, config, logger, registry });
  health.addCheck("watch", () => operator.problem());
  const server = createMetricsServer({ registry, health });
  installShutdown({
    logger,
    health,
    settleMs: 0,
    graceMs: () => 10_000,
    close: async () => {
      await operator.stop();
      await client.close();
      await closeServer(server);
    },
  });
  const port = await listen(server, config.port);
  logger.info({ port, identity: config.identity, ...BUILD }, "listening");
  await operator.start();
}

run().catch((error: unknown) => {
  process.stderr.write(`operator: ${messageOf(error)}\n`);
  process.exit(1);
});
