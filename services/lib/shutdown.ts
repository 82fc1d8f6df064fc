/** Graceful shutdown: report not ready, finish the work in flight, close the connections. */
import { setTimeout as sleep } from "node:timers/promises";
import closeWithGrace from "close-with-grace";
import type { Health } from "./health.ts";
import type { Logger } from "./logger.ts";
import { MAX_TIMER_MS } from "./timer.ts";

/**
 * How long what is in flight may go on after a fatal error, milliseconds: nothing new is taken
 * meanwhile, by what may be the only instance, until the process is started anew.
 */
const FATAL_GRACE_MS = 5000;

export interface ShutdownOptions {
  logger: Logger;
  health: Health;
  /** Time for load balancers to notice that the process is not ready, milliseconds. */
  settleMs: number;
  /**
   * Says, once it stops, after which time the process exits even if `close` has not finished,
   * milliseconds.
   */
  graceMs: () => number;
  /** Stops taking work, finishes what is in flight, closes connections. */
  close: () => Promise<void>;
}

/** Shuts down on SIGTERM, SIGINT or a fatal error, or when the returned function is called. */
export function installShutdown(options: ShutdownOptions): { shutdown: () => void } {
  const { logger, health, settleMs, graceMs, close } = options;
  const grace = closeWithGrace(
    {
      // It would have to be known now.
      delay: MAX_TIMER_MS,
      logger: { error: (...parts) => logger.error(parts.join(" ")) },
    },
    async ({ signal, err }) => {
      health.beginShutdown();
      const limitMs = err === undefined ? settleMs + graceMs() : FATAL_GRACE_MS;
      setTimeout(
        () => {
          logger.error({ limitMs }, "not shut down in time");
          process.exit(1);
        },
        Math.min(limitMs, MAX_TIMER_MS),
      ).unref();
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
