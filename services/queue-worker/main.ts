/** The queue-worker's process. */
import { createLogger, messageOf } from "../lib/logger.ts";
import { closeServer, listen } from "../lib/servers.ts";
import { installShutdown } from "../lib/shutdown.ts";
import { BUILD } from "../lib/version.ts";
import { createWorker } from "./app.ts";
import { readConfig, type WorkerConfig } from "./config.ts";

/** Time to tell the queue and to close, after the calls in flight, milliseconds. */
const CLOSE_MS = 15_000;

async function run(config: WorkerConfig): Promise<void> {
  const logger = createLogger({ name: "queue-worker", level: config.logLevel });
  const worker = createWorker({ config, logger });
  installShutdown({
    logger,
    health: worker.health,
    // Nobody sends calls to a worker: there is no load balancer to wait for.
    settleMs: 0,
    graceMs: () => config.drainMs + CLOSE_MS,
    close: async () => {
      await worker.close();
      await closeServer(worker.metricsServer);
    },
  });
  await listen(worker.metricsServer, config.port);
  worker.start();
  logger.info({ port: config.port, ...BUILD }, "queue-worker started");
}

try {
  await run(readConfig(process.env));
} catch (error) {
  process.stderr.write(`queue-worker: ${messageOf(error)}\n`);
  process.exit(1);
}
