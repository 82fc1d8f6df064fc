/** Log lines of all pods of a function, merged as they come; new pods join while following. */
import { once } from "node:events";
import type { Writable } from "node:stream";
import { LABEL } from "../contract/index.ts";
import { resourcePath, type KubernetesClient } from "../lib/kubernetes.ts";
import { readLines } from "../lib/lines.ts";
import { messageOf, type Logger } from "../lib/logger.ts";
import { ResourceWatch, type WatchedObject } from "../lib/watch.ts";
import type { FunctionReference } from "./names.ts";

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

/** One line as OpenFaaS' clients read it. */
interface LogMessage {
  name: string;
  namespace: string;
  instance: string;
  /** RFC 3339 with nanoseconds. */
  timestamp: string;
  text: string;
}

const PHASES_WITH_LOGS = new Set(["Running", "Succeeded", "Failed"]);

export class LogStream {
  readonly #options: LogStreamOptions;
  readonly #stopping = new AbortController();
  readonly #pods = new Map<string, Promise<void>>();

  constructor(options: LogStreamOptions) {
    this.#options = options;
  }

  /** Writes until all logs are read, or until `stop` where new lines are followed. */
  async writeTo(output: Writable): Promise<void> {
    const { client, logger, reference, isFollowing } = this.#options;
    const { name, namespace } = reference;
    const watch = new ResourceWatch<LoggingPod>({
      client,
      path: resourcePath({ plural: "pods", namespace }),
      labelSelector: `${LABEL.function}=${name}`,
      logger,
      project: ({ metadata, status }) => ({ metadata, ...(status && { status }) }),
    });
    watch.on("change", ({ current }) => {
      if (current !== undefined) {
        this.#join(current, output);
      }
    });
    const { signal } = this.#stopping;
    try {
      await watch.start().waitForSync(AbortSignal.any([signal, AbortSignal.timeout(5000)]));
      if (isFollowing && !signal.aborted) {
        await once(signal, "abort");
      }
    } catch (error) {
      logger.debug({ reason: messageOf(error) }, "log stream ended early");
    }
    await watch.stop();
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
    const { client, reference, isFollowing, tailLines, sinceTime, logger } = this.#options;
    const { namespace } = reference;
    try {
      const path = resourcePath({ plural: "pods", namespace, name: pod, subresource: "log" });
      const lines = await client.stream(path, {
        query: { follow: isFollowing, timestamps: true, tailLines, sinceTime },
        signal: this.#stopping.signal,
        silenceMs: 0,
      });
      for await (const line of readLines(lines as AsyncIterable<Buffer>)) {
        const message = JSON.stringify(toMessage(reference, pod, line));
        if (!output.write(`${message}\n`)) {
          await once(output, "drain", { signal: this.#stopping.signal });
        }
      }
    } catch (error) {
      if (!this.#stopping.signal.aborted) {
        logger.warn({ pod, reason: messageOf(error) }, "log of a pod not readable");
      }
    }
  }
}

function toMessage({ name, namespace }: FunctionReference, pod: string, line: string): LogMessage {
  const space = line.indexOf(" ");
  const timestamp = line.slice(0, Math.max(space, 0));
  return { name, namespace, instance: pod, timestamp, text: line.slice(space + 1) };
}
