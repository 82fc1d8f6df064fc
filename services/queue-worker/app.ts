/** The wiring of the queue-worker; it listens to nothing. */
import type { Server } from "node:http";
import type { NatsConnection } from "@nats-io/transport-node";
import { toDisplayName } from "../../contract/index.ts";
import {
  CONSUMER_DROPPED,
  ofHint,
  QUEUE,
  queueOf,
  runsLane,
  type StoredBody,
  STREAM,
  SUBJECT,
  toHint,
  toReference,
} from "../../contract/queue/index.ts";
import { AddressPolicy } from "../lib/address-policy.ts";
import { Health } from "../lib/health.ts";
import type { Logger } from "../lib/logger.ts";
import { createMetricsServer, createRegistry, type Registry } from "../lib/metrics.ts";
import { NatsConnector } from "../lib/nats.ts";
import { CallStates } from "../lib/queue/call-states.ts";
import { say } from "../lib/queue/publish.ts";
import { QueueLink } from "../lib/queue/queue-link.ts";
import { ByteBudget } from "./byte-budget.ts";
import { FunctionCalls } from "./call-function.ts";
import { CallbackSender } from "./callback-sender.ts";
import { Callbacks } from "./callbacks.ts";
import { Cancellations } from "./cancellations.ts";
import type { WorkerConfig } from "./config.ts";
import { DeadLetters } from "./dead-letters.ts";
import { moveForeignCall } from "./foreign-calls.ts";
import { KeptResults } from "./kept-results.ts";
import { Lanes } from "./lanes.ts";
import { LoadReports } from "./load-reports.ts";
import { WorkerMetrics } from "./metrics.ts";
import { CallProcessor } from "./process-call.ts";
import { Puller } from "./pull.ts";

export interface Worker {
  /** `/metrics`, `/healthz`, `/readyz`. */
  metricsServer: Server;
  health: Health;
  /** Begins to take messages as soon as there is a queue. */
  start(): void;
  /**
   * Finishes the runs in flight, gives back what does not end in its time, tells the queue, and
   * leaves. Called again, it waits for that.
   */
  close(): Promise<void>;
}

/** What a worker is made of. */
interface Parts {
  nats: NatsConnector;
  link: QueueLink;
  calls: FunctionCalls;
  senders: CallbackSender[];
  callbacks: Callbacks;
  cancellations: Cancellations;
  callLanes: Lanes;
  callbackLanes: Lanes;
  reports: LoadReports;
}

/** Builds a worker; it starts to connect to NATS at once. */
export function createWorker({ config, logger }: { config: WorkerConfig; logger: Logger }): Worker {
  const registry = createRegistry();
  const parts = createParts(config, logger, registry);
  const { nats, link, callLanes, callbackLanes } = parts;
  const health = new Health();
  health.addCheck("nats", () => nats.problem());
  health.addCheck("queue", () => link.problem());
  const close = async (): Promise<void> => {
    // What it works on may take hours, and is no work for others: they come and go without.
    parts.reports.stop();
    await Promise.all([callLanes, callbackLanes].map((lanes) => lanes.stop(config.drainMs)));
    parts.callbacks.close();
    link.close();
    await nats.close();
    await parts.calls.close();
    await Promise.all(parts.senders.map((sender) => sender.close()));
  };
  let closing: Promise<void> | undefined;
  return {
    metricsServer: createMetricsServer({ registry, health }),
    health,
    start: () => void begin(parts),
    close: () => (closing ??= close()),
  };
}

/** Memory for large bodies of calls, and as much for those of callbacks, bytes. */
const BODY_BYTES = 24 * 1024 * 1024;

/** Callbacks that are sent at once, and those of one host. */
const CALLBACK_PLACES = { places: 20, share: 4 };

function createParts(config: WorkerConfig, logger: Logger, registry: Registry): Parts {
  const nats = new NatsConnector({
    ...config.nats,
    clientName: "plonk-queue-worker",
    logger,
    registry,
    reconnectMetric: "queue_worker_nats_reconnect_total",
  });
  const link = new QueueLink(nats, logger, { terms: config.streamTerms });
  const metrics = new WorkerMetrics(registry);
  const letters = new DeadLetters({ link, metrics, logger });
  const { sender, ownSender } = createSenders(config);
  const callbacks = new Callbacks({
    ...{ link, sender, ownSender, letters, metrics, logger },
    gatewayUrl: config.gatewayUrl,
    budget: new ByteBudget(BODY_BYTES),
    onQueued: (lane) => callbackLanes.hint(lane),
    maxAgeMs: config.callbacks.maxAgeMs,
  });
  // Asked for when it is used: a call that needs no store runs without a connection, too.
  const bodies = {
    read: (body: StoredBody) => link.access.bodies.read(body),
    write: async (name: string, source: AsyncIterable<Uint8Array>) =>
      link.access.bodies.write(name, source),
  };
  const calls = new FunctionCalls({
    gatewayUrl: config.gatewayUrl,
    bodies,
    budget: new ByteBudget(BODY_BYTES),
  });
  const cancellations = new Cancellations();
  const processor = new CallProcessor({
    ...{ link, calls, callbacks, letters, cancellations, metrics, logger },
    results: new KeptResults({ link, metrics, logger }),
    states: new CallStates(link),
    policy: config.retry,
    maxAgeMs: config.maxAgeMs,
  });
  const { queue, queueNames: names } = config;
  const isUsual = queue === QUEUE.name;
  const foreign = { link, letters, logger, functionNamespace: config.functionNamespace };
  const usual = { link, logger, ackWaitMs: config.ackWaitMs };
  const callLanes = new Lanes({
    ...usual,
    stream: STREAM.calls,
    owns: (subject) => runsLane({ queue, names }, queueOf(subject)),
    places: config.maxInflight,
    share: config.maxInflightPerFunction,
    handle: (delivery, lane) =>
      delivery.subject === QUEUE.subject
        ? moveForeignCall(foreign, delivery)
        : processor.handle(delivery, lane),
    onDropped: (lane) => say(link, toHint(lane), CONSUMER_DROPPED),
    // The oldest message is that of all queues, of which one kind of workers tells.
    onDepths: (depths, oldestAt) =>
      metrics.saw({ byFunction: toFunctionDepths(depths), ...(isUsual && { oldestAt }) }),
  });
  const callbackLanes = new Lanes({
    ...usual,
    ...CALLBACK_PLACES,
    stream: STREAM.callbacks,
    owns: () => isUsual,
    handle: (delivery) => callbacks.handle(delivery),
    onDepths: (depths) =>
      metrics.saw({ callbacks: [...depths.values()].reduce((sum, count) => sum + count, 0) }),
  });
  return {
    nats,
    link,
    calls,
    senders: [sender, ownSender],
    callbacks,
    cancellations,
    callLanes,
    callbackLanes,
    // Of other queues nobody scales the workers.
    reports: new LoadReports(isUsual ? [callLanes, callbackLanes] : []),
  };
}

/** Of callbacks to the world, and to the platform's own functions. */
function createSenders({ callbacks, gatewayUrl }: WorkerConfig): {
  sender: CallbackSender;
  ownSender: CallbackSender;
} {
  const { allow, timeoutMs: totalTimeoutMs, signingKey } = callbacks;
  const create = (allowed: readonly string[]): CallbackSender =>
    new CallbackSender({ totalTimeoutMs, signingKey, policy: new AddressPolicy(allowed) });
  return { sender: create(allow), ownSender: create([new URL(gatewayUrl).hostname]) };
}

async function begin(parts: Parts): Promise<void> {
  const { nats, callLanes, callbackLanes } = parts;
  const connection = await nats.connection().catch(() => undefined);
  if (connection === undefined) {
    return;
  }
  const puller = new Puller(connection, nats.inboxPrefix);
  nats.onReconnect(() => {
    puller.reset();
    callLanes.reset();
    callbackLanes.reset();
  });
  parts.cancellations.listen(connection);
  listenForHints(connection, callLanes);
  await parts.link.check();
  callLanes.start(puller);
  callbackLanes.start(puller);
  parts.reports.start(connection);
}

/** A call that has just been queued need not wait for the next look at the stream. */
function listenForHints(connection: NatsConnection, lanes: Lanes): void {
  connection.subscribe(`${SUBJECT.hint}.*.*.*`, {
    callback: (error, message) => {
      if (error === null) {
        const lane = ofHint(message.subject);
        if (message.string() === CONSUMER_DROPPED) {
          lanes.forgetConsumer(lane);
        }
        lanes.hint(lane);
      }
    },
  });
}

function toFunctionDepths(depths: ReadonlyMap<string, number>): Map<string, number> {
  const byFunction = new Map<string, number>();
  for (const [subject, count] of depths) {
    if (subject !== QUEUE.subject) {
      const name = toDisplayName(toReference(subject));
      // It has several lanes while it changes its queue.
      byFunction.set(name, (byFunction.get(name) ?? 0) + count);
    }
  }
  return byFunction;
}
