/** The wiring of the queue-worker; it listens to nothing. */
import type { Server } from "node:http";
import { Health } from "../lib/health.ts";
import type { Logger } from "../lib/logger.ts";
import { createMetricsServer, createRegistry } from "../lib/metrics.ts";
import { NatsLink } from "../lib/nats.ts";
import type { WorkerConfig } from "./config.ts";
import { QueueConsumer } from "./consumer.ts";
import { HttpCalls } from "./http-calls.ts";
import { WorkerMetrics } from "./metrics.ts";
import { processMessage, type ProcessorOptions } from "./processor.ts";

export interface Worker {
  /** `/metrics`, `/healthz`, `/readyz`. */
  metricsServer: Server;
  health: Health;
  /** Begins to take messages as soon as there is a queue. */
  start(): void;
  /** Finishes the calls in flight, tells the queue, and leaves. Called again, it waits for that. */
  close(): Promise<void>;
}

/** Builds a worker; it starts to connect to NATS at once. */
export function createWorker({ config, logger }: { config: WorkerConfig; logger: Logger }): Worker {
  const registry = createRegistry();
  const health = new Health();
  const nats = new NatsLink({
    ...config.nats,
    clientName: "plonk-queue-worker",
    logger,
    registry,
    reconnectMetric: "queue_worker_nats_reconnect_total",
  });
  const calls = new HttpCalls(config);
  const options: ProcessorOptions = {
    calls,
    metrics: new WorkerMetrics(registry),
    logger,
    retry: config.retry,
    ackWaitMs: config.ackWaitMs,
  };
  const consumer = new QueueConsumer({
    nats,
    logger,
    ackWaitMs: config.ackWaitMs,
    maxInFlight: config.maxInFlight,
    handle: (message) => processMessage(options, message),
  });
  health.addCheck("nats", () => nats.problem());
  health.addCheck("queue", () => consumer.problem());
  const close = async (): Promise<void> => {
    await consumer.stop();
    await nats.close();
    await calls.close();
  };
  let closing: Promise<void> | undefined;
  return {
    metricsServer: createMetricsServer({ registry, health }),
    health,
    start: () => consumer.start(),
    close: () => (closing ??= close()),
  };
}
