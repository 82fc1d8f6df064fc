/** Graceful shutdown: report not ready, finish the work in flight, close the connections. */
import { setTimeout as sleep } from "node:timers/promises";
import closeWithGrace from "close-with-grace";
import type { Health } from "./health.ts";
import type { Logger } from "./logger.ts";

export interface ShutdownOptions {
  logger: Logger;
  health: Health;
  /** Time for load balancers to notice that the process is not ready, milliseconds. */
  settleMs: number;
  /** After this time the process exits even if `close` has not finished, milliseconds. */
  graceMs: number;
  /** Stops taking work, finishes what is in flight, closes connections. */
  close: () => Promise<void>;
}

/** Shuts down on SIGTERM, SIGINT or a fatal error, or when the returned function is called. */
export function installShutdown(options: ShutdownOptions): { shutdown: () => void } {
  const { logger, health, settleMs, graceMs, close } = options;
  const grace = closeWithGrace(
    { delay: settleMs + graceMs, logger: { error: (...parts) => logger.error(parts.join(" ")) } },
    async ({ signal, err }) => {
      health.beginShutdown();
      if (err === undefined) {
        logger.info({ signal }, "shutting down");
        await sleep(settleMs);
      } else {
        logger.fatal({ err }, "fatal error, shutting down");
      }
      await close();
      logger.info("shut down");
    },
  );
  return { shutdown: grace.close };
}
