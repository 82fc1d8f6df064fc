/** An informer: a live copy of a Kubernetes collection by list and watch. */
import { EventEmitter, once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { backoffMs, type BackoffOptions } from "./backoff.ts";
import { type KubernetesClient, KubernetesError } from "./kubernetes.ts";
import { readLines } from "./lines.ts";
import { type Logger, messageOf } from "./logger.ts";
import { startAwakeTimer } from "./timer.ts";

/** The required fields of a watched object. */
export interface WatchedObject {
  metadata: { name: string; namespace?: string; resourceVersion?: string; uid?: string };
}

/** `namespace/name`, or `name` for cluster-scoped objects. */
export function keyOf({ metadata }: WatchedObject): string {
  return metadata.namespace === undefined
    ? metadata.name
    : `${metadata.namespace}/${metadata.name}`;
}

/** `T` is the stored object, `Raw` the type of the object from the API server. */
export interface WatchOptions<T extends WatchedObject, Raw extends WatchedObject = T> {
  client: KubernetesClient;
  /** Path of the collection, from `resourcePath`. */
  path: string;
  /** Only objects with these labels, e.g. `faas_function`. */
  labelSelector?: string;
  logger: Logger;
  /**
   * Reduces an object to save memory. Name, namespace and resourceVersion are required; with its
   * uid a list tells one that was deleted and made anew from one that was changed.
   * @default the whole object
   */
  project?: (object: Raw) => T;
  /** Waits between failed attempts. @default 200 ms to 5 s */
  backoff?: BackoffOptions;
  /**
   * How long one connection is watched, seconds; a fifth more at most, so that not all are renewed
   * in step. What has gone without a word is noticed a little later. @default 240
   */
  renewSeconds?: number;
}

/**
 * `renewSeconds` of what calls depend on: a balancer or a stopped API server may keep a connection
 * open on which nothing comes any more.
 */
export const FRESH_SECONDS = 20;

/** One change: created (no previous), updated, or deleted (no current). */
export interface Change<T> {
  key: string;
  current: T | undefined;
  previous: T | undefined;
  /**
   * Of a deletion: a version. What was written before it is about the object that is gone, and not
   * about another one that has its name now.
   */
  goneAt?: string | undefined;
}

/** Events; listeners of `change` run inside the watch loop and must be fast. */
export interface WatchEvents<T> {
  change: [change: Change<T>];
  /** The first list is complete. */
  synced: [];
  /** The whole collection was listed again, e.g. because the version was too old (410). */
  relisted: [];
  /** The watch ended normally and resumes. */
  reconnected: [];
  /** An attempt failed; the next one follows after the backoff. */
  failed: [error: Error];
}

interface ListAnswer<T> {
  metadata: { resourceVersion: string; continue?: string };
  items: T[];
}

interface WatchEvent<T> {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  object: T & { code?: number; message?: string; reason?: string };
}

const PAGE_SIZE = 500;

/** Short, as a waiting watch does not notice that the API server is available again. */
const BACKOFF: BackoffOptions = { initialMs: 200, maxMs: 5000 };

/** After a connection that lasted this long the next attempt follows without backoff. */
const HEALTHY_AFTER_MS = 5000;

const RENEW_SECONDS = 240;

/** How much later than it was asked to the API server may end a watch, milliseconds. */
const LATE_END_MS = 5000;

export class ResourceWatch<
  T extends WatchedObject,
  Raw extends WatchedObject = T,
> extends EventEmitter<WatchEvents<T>> {
  readonly #options: WatchOptions<T, Raw>;
  readonly #objects = new Map<string, T>();
  readonly #stopping = new AbortController();
  #hasSynced = false;
  #resourceVersion: string | undefined;
  /** The same, kept while the collection is to be listed anew. */
  #heardVersion: string | undefined;
  #heardAt = performance.now();
  #running: Promise<void> | undefined;

  constructor(options: WatchOptions<T, Raw>) {
    super();
    this.#options = options;
  }

  /** Starts to list and watch; failures are retried until `stop`. */
  start(): this {
    this.#running ??= this.#run();
    return this;
  }

  /** Stops the watch; the copy stays readable. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Resolves when the first list is complete. */
  async waitForSync(signal?: AbortSignal): Promise<void> {
    if (!this.#hasSynced) {
      await once(this, "synced", signal === undefined ? {} : { signal });
    }
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** Resolves to true when a condition on the objects holds, or to false after the time. */
  waitUntil(condition: () => boolean, milliseconds: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (): void => {
        stopTimer();
        this.off("change", look);
        resolve(condition());
      };
      const look = (): void => {
        if (condition()) {
          finish();
        }
      };
      const stopTimer = startAwakeTimer(finish, milliseconds);
      this.on("change", look);
      look();
    });
  }

  get size(): number {
    return this.#objects.size;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Path of the collection. */
  get path(): string {
    return this.#options.path;
  }

  /** Time since the API server was last heard of; `renewSeconds` at most where all is well. */
  get silenceSeconds(): number {
    return (performance.now() - this.#heardAt) / 1000;
  }

  /**
   * For readiness: undefined, or why the copy is not usable. An old one is: all instances would be
   * taken out of their Service together, for the sake of an API server that is away.
   */
  problem(): string | undefined {
    return this.#hasSynced ? undefined : `${this.#options.path} not listed yet`;
  }

  async #run(): Promise<void> {
    const backoff = { ...BACKOFF, ...this.#options.backoff };
    let attempt = 0;
    while (!this.#isStopping()) {
      const startedAt = performance.now();
      try {
        await this.#listIfNeeded();
        await this.#watch();
        this.emit("reconnected");
      } catch (error) {
        if (this.#isStopping()) {
          return;
        }
        this.#noteFailure(error as Error);
      }
      attempt = performance.now() - startedAt > HEALTHY_AFTER_MS ? 0 : attempt + 1;
      await this.#pause(attempt === 0 ? 0 : backoffMs(attempt - 1, backoff));
    }
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #pause(milliseconds: number): Promise<void> {
    const { signal } = this.#stopping;
    await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  }

  #noteFailure(error: Error): void {
    const { logger, path } = this.#options;
    if (error instanceof KubernetesError) {
      // The version is too old (410), or from before the server lost its state: list again.
      this.#resourceVersion = undefined;
    }
    logger.warn({ path, reason: messageOf(error) }, "watch failed, trying again");
    this.emit("failed", error);
  }

  async #listIfNeeded(): Promise<void> {
    if (this.#resourceVersion !== undefined) {
      return;
    }
    const { client, path, labelSelector, logger } = this.#options;
    const listed = new Map<string, T>();
    let next: string | undefined;
    let resourceVersion: string;
    do {
      const page: ListAnswer<Raw> = await client.request(path, {
        query: { limit: PAGE_SIZE, continue: next, labelSelector },
        signal: this.#stopping.signal,
      });
      for (const item of page.items) {
        listed.set(keyOf(item), this.#project(item));
      }
      resourceVersion = page.metadata.resourceVersion;
      next = page.metadata.continue ?? "";
    } while (next !== "");
    this.#replaceAll(listed, resourceVersion);
    this.#resourceVersion = this.#heardVersion = resourceVersion;
    this.#heardAt = performance.now();
    logger.debug({ path, objects: listed.size }, "listed");
    this.#announceList();
  }

  #announceList(): void {
    if (this.#hasSynced) {
      this.emit("relisted");
    } else {
      this.#hasSynced = true;
      this.emit("synced");
    }
  }

  #replaceAll(listed: Map<string, T>, version: string): void {
    for (const [key, { metadata }] of this.#objects) {
      const uid = listed.get(key)?.metadata.uid;
      if (!listed.has(key)) {
        // There was none by the list's version, so that another one of its name is younger.
        this.#store(key, undefined, toNext(version));
      } else if (uid !== metadata.uid) {
        // There are two: when the first one went is not known, but that it was there is.
        this.#store(key, undefined, toNext(this.#heardVersion));
      }
    }
    for (const [key, object] of listed) {
      const known = this.#objects.get(key)?.metadata.resourceVersion;
      if (known === undefined || known !== object.metadata.resourceVersion) {
        this.#store(key, object);
      }
    }
  }

  /** @param goneAt - see `Change` */
  #store(key: string, current: T | undefined, goneAt?: string): void {
    const previous = this.#objects.get(key);
    if (current === undefined) {
      this.#objects.delete(key);
    } else {
      this.#objects.set(key, current);
    }
    if (current !== undefined || previous !== undefined) {
      this.emit("change", { key, current, previous, ...(goneAt !== undefined && { goneAt }) });
    }
  }

  async #watch(): Promise<void> {
    const { client, path, labelSelector, renewSeconds = RENEW_SECONDS } = this.#options;
    const timeoutSeconds = Math.round(renewSeconds * (1 + Math.random() / 5));
    const stream = await client.stream(path, {
      query: {
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: this.#resourceVersion,
        timeoutSeconds,
        labelSelector,
      },
      signal: this.#stopping.signal,
    });
    const tooLate = new Error(`the watch did not end after ${timeoutSeconds} s`);
    const timer = setTimeout(() => stream.destroy(tooLate), timeoutSeconds * 1000 + LATE_END_MS);
    try {
      this.#heardAt = performance.now();
      for await (const line of readLines(stream as AsyncIterable<Buffer>)) {
        this.#heardAt = performance.now();
        this.#handle(JSON.parse(line) as WatchEvent<Raw>);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #project(object: Raw): T {
    const { project } = this.#options;
    // Without `project` both types are the same.
    return project === undefined ? (object as unknown as T) : project(object);
  }

  #handle({ type, object }: WatchEvent<Raw>): void {
    if (type === "ERROR") {
      throw new KubernetesError(
        object.message ?? "watch: error event",
        object.code ?? 500,
        object.reason ?? "",
      );
    }
    const { resourceVersion } = object.metadata;
    this.#resourceVersion = resourceVersion;
    this.#heardVersion = resourceVersion;
    if (type === "DELETED") {
      this.#store(keyOf(object), undefined, resourceVersion);
    } else if (type !== "BOOKMARK") {
      this.#store(keyOf(object), this.#project(object));
    }
  }
}

/** The version after this one (KEP-5504: they are numbers). */
function toNext(version = "0"): string {
  return String(BigInt(version) + 1n);
}
