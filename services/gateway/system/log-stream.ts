/** Log lines of all pods of a function, merged as they come; new pods join while following. */
import { once } from "node:events";
import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type FunctionReference, LABEL, type LogMessage } from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import { readLines } from "../../lib/lines.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import { ResourceWatch, type WatchedObject } from "../../lib/watch.ts";

export interface LogStreamOptions {
  client: KubernetesClient;
  logger: Logger;
  reference: FunctionReference;
  isFollowing: boolean;
  /** Name of the only pod that is meant. */
  instance?: string;
  tailLines?: number;
  /** RFC 3339. */
  sinceTime?: string;
}

interface LoggingPod extends WatchedObject {
  status?: { phase?: string };
}

const PHASES_WITH_LOGS = new Set(["Running", "Succeeded", "Failed"]);

/** Longest wait for the list of pods, milliseconds. */
const LIST_TIMEOUT_MS = 5000;

/** Wait before a log that has ended is read on, milliseconds: its container may start again. */
const READ_ON_MS = 1000;

/** Longest line, characters; the kubelet cuts lines far below that. */
const MAX_LINE = 1024 * 1024;

/** How far the log of a pod has been read. */
interface Cursor {
  /** Timestamp of the last line. */
  last?: string;
}

export class LogStream {
  readonly #options: LogStreamOptions;
  readonly #watch: ResourceWatch<LoggingPod>;
  readonly #stopping = new AbortController();
  readonly #pods = new Map<string, Promise<void>>();

  constructor(options: LogStreamOptions) {
    this.#options = options;
    const { client, logger, reference } = options;
    this.#watch = new ResourceWatch<LoggingPod>({
      client,
      path: resourcePath({ plural: "pods", namespace: reference.namespace }),
      labelSelector: `${LABEL.function}=${reference.name}`,
      logger,
      project: ({ metadata, status }) => ({ metadata, ...(status && { status }) }),
    });
  }

  /** Finds the pods. Throws when the API server does not list them within five seconds. */
  async open(): Promise<void> {
    try {
      await this.#watch.start().waitForSync(AbortSignal.timeout(LIST_TIMEOUT_MS));
    } catch (error) {
      await this.#watch.stop();
      throw error;
    }
  }

  /** Writes until all logs are read, or until `stop` where new lines are followed. */
  async writeTo(output: Writable): Promise<void> {
    const { signal } = this.#stopping;
    // Each pod waits for the one output.
    output.setMaxListeners(0);
    this.#watch.on("change", ({ current }) => {
      if (current !== undefined) {
        this.#join(current, output);
      }
    });
    for (const pod of this.#watch.values()) {
      this.#join(pod, output);
    }
    if (this.#options.isFollowing && !signal.aborted) {
      await once(signal, "abort");
    } else {
      await Promise.all(this.#pods.values());
    }
    await this.#watch.stop();
    await Promise.all(this.#pods.values());
    output.end();
  }

  stop(): void {
    this.#stopping.abort();
  }

  #join({ metadata, status }: LoggingPod, output: Writable): void {
    const { instance } = this.#options;
    const { name } = metadata;
    const isWanted = instance === undefined || instance === name;
    if (isWanted && !this.#pods.has(name) && PHASES_WITH_LOGS.has(status?.phase ?? "")) {
      this.#pods.set(name, this.#copy(name, output));
    }
  }

  async #copy(pod: string, output: Writable): Promise<void> {
    const { logger, isFollowing } = this.#options;
    const { signal } = this.#stopping;
    const cursor: Cursor = {};
    let failures = 0;
    do {
      try {
        await this.#read(pod, cursor, output);
      } catch (error) {
        if (!signal.aborted && failures++ === 0) {
          logger.warn({ pod, reason: messageOf(error) }, "log of a pod not readable");
        }
      }
      if (isFollowing) {
        await sleep(READ_ON_MS, undefined, { signal }).catch(() => undefined);
      }
    } while (isFollowing && !signal.aborted && this.#isRunning(pod));
  }

  #isRunning(pod: string): boolean {
    const { namespace } = this.#options.reference;
    return this.#watch.get(`${namespace}/${pod}`)?.status?.phase === "Running";
  }

  /** Copies what is new since the cursor, which goes with it. */
  async #read(pod: string, cursor: Cursor, output: Writable): Promise<void> {
    const { client, reference, isFollowing, tailLines, sinceTime } = this.#options;
    const { signal } = this.#stopping;
    const { namespace } = reference;
    const { last } = cursor;
    const path = resourcePath({ plural: "pods", namespace, name: pod, subresource: "log" });
    const start = last === undefined ? { tailLines, sinceTime } : { sinceTime: last };
    const lines = await client.stream(path, {
      query: { follow: isFollowing, timestamps: true, ...start },
      signal,
      silenceMs: 0,
    });
    for await (const line of readLines(lines as AsyncIterable<Buffer>, MAX_LINE)) {
      const message = toMessage(reference, pod, line);
      // `sinceTime` is exact to the second only.
      if (last !== undefined && message.timestamp <= last) {
        continue;
      }
      cursor.last = message.timestamp;
      if (!output.write(`${JSON.stringify(message)}\n`)) {
        await once(output, "drain", { signal });
      }
    }
  }
}

function toMessage({ name, namespace }: FunctionReference, pod: string, line: string): LogMessage {
  const space = line.indexOf(" ");
  const timestamp = line.slice(0, Math.max(space, 0));
  return { name, namespace, instance: pod, timestamp, text: line.slice(space + 1) };
}
