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

/**
 * Line of a log with its time (RFC 3339). A node's own words in it have none, such as "unable to
 * retrieve container logs" or "failed to create fsnotify watcher".
 */
const TIMED = /^(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[-+]\d\d:\d\d))(?: (.*))?$/s;

/** How far the log of a pod has been read. */
interface Cursor {
  /** Timestamp of the last line that has one. */
  last?: string;
  /** What the node itself has said last; it says so each time that it is asked. */
  words?: string;
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
      const next = readLine(line, cursor, last);
      if (next === undefined) {
        continue;
      }
      const message: LogMessage = { ...reference, instance: pod, ...next };
      if (!output.write(`${JSON.stringify(message)}\n`)) {
        await once(output, "drain", { signal });
      }
    }
  }
}

/**
 * What a line says, which the cursor takes note of; undefined for what has been told before.
 * @param last - where the cursor was before: `sinceTime` is exact to the second only
 */
function readLine(
  line: string,
  cursor: Cursor,
  last: string | undefined,
): Pick<LogMessage, "timestamp" | "text"> | undefined {
  const [, time, text = ""] = TIMED.exec(line) ?? [];
  if (time === undefined) {
    const isKnown = line === cursor.words;
    cursor.words = line;
    return isKnown ? undefined : { timestamp: new Date().toISOString(), text: line };
  }
  if (last !== undefined && time <= last) {
    return undefined;
  }
  cursor.last = time;
  return { timestamp: time, text };
}
