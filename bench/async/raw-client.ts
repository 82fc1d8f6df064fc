/**
 * What the gateway and the queue-worker are compared with: a process that only publishes to
 * JetStream, or only consumes, calls the function and acknowledges. It does as it is told by
 * messages of its parent, one at a time.
 */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstream, type JetStreamClient, jetstreamManager, type JsMsg } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { Agent } from "undici";
import type { ConsumerSettings, Fields } from "../../contract/queue/index.ts";
import { createLogger } from "../../services/lib/logger.ts";
import { createRegistry } from "../../services/lib/metrics.ts";
import { NatsConnector } from "../../services/lib/nats.ts";

/** Publishes the same message again and again. */
export interface PublishTask {
  kind: "publish";
  subject: string;
  fields: Fields;
  /** Base64. */
  payload: string;
  /** Messages without an answer at once. */
  concurrency: number;
  seconds: number;
}

/** Consumes messages, calls a function with each body, and acknowledges. */
export interface ConsumeTask {
  kind: "consume";
  stream: string;
  consumer: string;
  /** Of the consumer, which is made where it is missing. */
  settings: ConsumerSettings;
  count: number;
  concurrency: number;
  /** Of the function. */
  url: string;
}

export type RawTask = PublishTask | ConsumeTask;

export interface RawResult {
  calls: number;
  seconds: number;
}

/** Messages that the library takes in advance: its own default. */
const PREFETCH = 100;

const { nats_url: url = "", nats_secret_path: secretPath, client: clientName = "" } = process.env;
const link = new NatsConnector({
  ...{ url, secretPath, clientName },
  logger: createLogger({ name: clientName, level: "error" }),
  registry: createRegistry(),
  reconnectMetric: "reconnects",
});
const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

async function run(client: JetStreamClient, task: RawTask): Promise<RawResult> {
  const begin = performance.now();
  const calls = await (task.kind === "publish" ? publish(client, task) : consume(client, task));
  return { calls, seconds: (performance.now() - begin) / 1000 };
}

async function publish(client: JetStreamClient, task: PublishTask): Promise<number> {
  const { subject, fields, concurrency, seconds } = task;
  const payload = Buffer.from(task.payload, "base64");
  const head = headers();
  fields.forEach(([name, value]) => head.append(name, value));
  let calls = 0;
  let isOver = false;
  const work = async (): Promise<void> => {
    while (!isOver) {
      await client.publish(subject, payload, { headers: head });
      calls += 1;
    }
  };
  const timer = sleep(seconds * 1000).then(() => (isOver = true));
  await Promise.all([timer, ...Array.from({ length: concurrency }, work)]);
  return calls;
}

async function consume(client: JetStreamClient, task: ConsumeTask): Promise<number> {
  const { stream, consumer, settings, count, concurrency } = task;
  await (await jetstreamManager(connection)).consumers.add(stream, settings);
  const found = await client.consumers.get(stream, consumer);
  const messages = await found.consume({ max_messages: PREFETCH });
  const iterator = messages[Symbol.asyncIterator]();
  const progress = { left: count, done: 0 };
  const work = (): Promise<void> => consumeSome(iterator, task, progress);
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, work));
  // Not awaited: it waits for somebody who reads on.
  void messages.close();
  return progress.done;
}

async function consumeSome(
  messages: AsyncIterator<JsMsg>,
  { url: target }: ConsumeTask,
  progress: { left: number; done: number },
): Promise<void> {
  const { origin, pathname } = new URL(target);
  while (progress.left > 0) {
    progress.left -= 1;
    const next = await messages.next();
    if (next.done === true) {
      throw new Error("raw consumer: expected a message, got the end");
    }
    const call = { origin, path: pathname, body: next.value.data };
    const response = await agent.request({ ...call, method: "POST" });
    await response.body.dump();
    if (response.statusCode !== 200) {
      throw new Error(`raw consumer: expected 200, got ${response.statusCode}`);
    }
    next.value.ack();
    progress.done += 1;
  }
}

const connection = await link.connection();
const client = jetstream(connection);
process.on("disconnect", () => process.exit());
process.send?.("ready");
for (;;) {
  const [task] = (await once(process, "message")) as [RawTask];
  process.send?.(await run(client, task));
}
