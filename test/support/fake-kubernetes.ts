/** A small Kubernetes API server for tests: list, watch, apply, scale, logs; over real HTTP. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { listen } from "../../services/lib/servers.ts";
import { send, sendStatus } from "./kubernetes-answers.ts";
import { findFreePort, toListener } from "./network.ts";
import { until } from "./until.ts";
import { MARK, WatchingClient } from "./watching-client.ts";

interface StoredObject {
  metadata: { name: string; namespace?: string; [key: string]: unknown };
  [key: string]: unknown;
}

interface Watcher {
  collection: string;
  selector: string | undefined;
  response: ServerResponse;
}

interface HistoryEvent {
  version: number;
  type: string;
  collection: string;
  object: StoredObject;
}

function tell(watcher: Watcher, { type, collection, object }: HistoryEvent): void {
  if (isPartOf(collection, watcher.collection) && matches(object, watcher.selector)) {
    watcher.response.write(`${JSON.stringify({ type, object })}\n`);
  }
}

export interface SeenRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  body: unknown;
  /** What it accepts. */
  accept: string | undefined;
}

const OBJECT = /^(\/apis?\/.*?\/namespaces\/[^/]+\/[^/]+)\/([^/]+)(?:\/([^/]+))?$/;
const NAMESPACE = /^(\/api\/v1\/namespaces)\/([^/]+)$/;

/** Whether a collection is the one that is asked for, or the part of it in one namespace. */
function isPartOf(collection: string, asked: string): boolean {
  return collection === asked || collection.replace(/\/namespaces\/[^/]+/, "") === asked;
}

/** Changes that are kept at least, for watches that begin anew. */
const KEPT_CHANGES = 1000;

export class FakeKubernetes {
  /** Objects by `collection/name`. */
  readonly objects = new Map<string, StoredObject>();
  /** Everything that was asked, watches included. */
  readonly requests: SeenRequest[] = [];
  /** Log text by pod name. */
  readonly logs = new Map<string, string>();
  /** Answers a request instead of the store when it returns true. */
  intercept: (seen: SeenRequest, response: ServerResponse) => boolean = () => false;
  readonly #server: Server;
  readonly #watchers = new Set<Watcher>();
  /** How often each object was removed. */
  readonly #removals = new Map<string, number>();
  readonly #history: HistoryEvent[] = [];
  readonly #clients = new Set<WatchingClient>();
  #version = 100;
  #mark = 0;

  constructor() {
    this.#server = createServer(toListener((...given) => this.#answer(...given)));
    // A connection that is closed while it is used again would be a failed request.
    this.#server.keepAliveTimeout = 0;
  }

  async start(): Promise<WatchingClient> {
    // While it is interrupted, no other program may come by its port.
    const port = await listen(this.#server, await findFreePort(), "127.0.0.1");
    const client = new WatchingClient({ server: `http://127.0.0.1:${port}` });
    this.#clients.add(client);
    return client;
  }

  /** Base URL, once it has started. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Stops; resolves to what starts the server again at the same address, its objects kept. */
  async interrupt(): Promise<() => Promise<void>> {
    const { port } = this.#server.address() as AddressInfo;
    await this.stop();
    return async () => {
      await listen(this.#server, port, "127.0.0.1");
    };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Forgets objects and requests, and answers from its store again; watches see nothing of it. */
  clear(): void {
    this.objects.clear();
    this.requests.length = 0;
    this.intercept = () => false;
  }

  /** Forgets the oldest changes: a watch that begins so far back misses them. */
  forgetHistory(): void {
    this.#history.splice(0, this.#history.length - KEPT_CHANGES);
  }

  /** Writes an object, as another client would; watches see it. */
  put(collection: string, object: StoredObject): StoredObject {
    const key = `${collection}/${object.metadata.name}`;
    const known = this.objects.get(key);
    const namespace = /namespaces\/([^/]+)/.exec(collection)?.[1];
    const metadata = {
      uid: this.#toUid(key, object.metadata.name),
      creationTimestamp: "2026-01-02T03:04:05Z",
      ...known?.metadata,
      ...object.metadata,
      ...(namespace !== undefined && { namespace }),
      resourceVersion: String(++this.#version),
    };
    const stored = { ...object, metadata };
    this.objects.set(key, stored);
    this.#announce(known === undefined ? "ADDED" : "MODIFIED", collection, stored);
    return stored;
  }

  remove(collection: string, name: string): void {
    const key = `${collection}/${name}`;
    const object = this.objects.get(key);
    this.objects.delete(key);
    if (object !== undefined) {
      this.#removals.set(key, (this.#removals.get(key) ?? 0) + 1);
      object.metadata["resourceVersion"] = String(++this.#version);
      this.#announce("DELETED", collection, object);
    }
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  /** Those of one collection: others may begin anew at any time. */
  watchersOf(collection: string): number {
    return [...this.#watchers].filter((watcher) => watcher.collection === collection).length;
  }

  /** Breaks all watch connections; those that are counted from now on are new ones. */
  dropWatches(): void {
    this.#watchers.forEach(({ response }) => response.destroy());
    this.#watchers.clear();
  }

  /** Sends a line to all watches as it is. */
  sendLine(line: string): void {
    this.#watchers.forEach(({ response }) => response.write(`${line}\n`));
  }

  /** What was asked, but for watches: they begin anew from time to time. */
  get asked(): SeenRequest[] {
    return this.requests.filter(({ query }) => query.get("watch") !== "true");
  }

  /** Waits until the watches of its clients have worked on all that was written. */
  async settle(): Promise<void> {
    const first = this.#mark + 1;
    await until("the watches to read what was written", () => {
      if (this.#mark >= first && [...this.#clients].every((client) => client.hasRead(first))) {
        return true;
      }
      // Again and again: a watch may begin only now.
      this.#mark += 1;
      const metadata = { resourceVersion: String(this.#version), name: `${MARK}${this.#mark}` };
      this.sendLine(JSON.stringify({ type: "BOOKMARK", object: { metadata } }));
      return false;
    });
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Ends all watches in the way of a server whose history is too short. */
  expireWatches(): void {
    const object = { kind: "Status", code: 410, reason: "Expired", message: "too old" };
    this.sendLine(JSON.stringify({ type: "ERROR", object }));
    this.#watchers.forEach(({ response }) => response.end());
    this.#watchers.clear();
  }

  /** Of one that was removed and made anew it is another one. */
  #toUid(key: string, name: string): string {
    const count = this.#removals.get(key);
    return count === undefined ? `uid-${name}` : `uid-${name}-${count + 1}`;
  }

  #announce(type: string, collection: string, object: StoredObject): void {
    const event = { version: this.#version, type, collection, object };
    this.#history.push(event);
    this.#watchers.forEach((watcher) => tell(watcher, event));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://fake");
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
    }
    const text = Buffer.concat(chunks).toString();
    const seen: SeenRequest = {
      method: request.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      body: text === "" ? undefined : JSON.parse(text),
      accept: request.headers.accept,
    };
    this.requests.push(seen);
    if (this.intercept(seen, response)) {
      return;
    }
    const match = OBJECT.exec(seen.path) ?? NAMESPACE.exec(seen.path);
    if (match === null) {
      this.#answerCollection(seen, response);
    } else {
      const [, collection = "", name = "", subresource] = match;
      this.#answerObject({ seen, response, collection, name, subresource });
    }
  }

  #answerCollection(seen: SeenRequest, response: ServerResponse): void {
    const { path, query, method, body } = seen;
    const selector = query.get("labelSelector") ?? undefined;
    if (method === "POST") {
      const object = body as StoredObject;
      if (this.objects.has(`${path}/${object.metadata.name}`)) {
        sendStatus(response, 409, "AlreadyExists");
      } else {
        send(response, 201, this.put(path, object));
      }
    } else if (query.get("watch") === "true") {
      const watcher = { collection: path, selector, response };
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
      const since = Number(query.get("resourceVersion"));
      this.#history.filter(({ version }) => version > since).forEach((e) => tell(watcher, e));
      this.#watchers.add(watcher);
      response.on("close", () => this.#watchers.delete(watcher));
    } else {
      const items = [...this.objects]
        .filter(([key]) => isPartOf(key.slice(0, key.lastIndexOf("/")), path))
        .map(([, object]) => object)
        .filter((object) => matches(object, selector));
      send(response, 200, this.#toPage(items, query));
    }
  }

  /** A page of a list; `continue` tells where the next one begins. */
  #toPage(all: StoredObject[], query: URLSearchParams): object {
    const start = Number(query.get("continue") ?? 0);
    const end = start + Number(query.get("limit") ?? all.length);
    const rest = end < all.length ? { continue: String(end) } : {};
    return {
      metadata: { resourceVersion: String(this.#version), ...rest },
      items: all.slice(start, end),
    };
  }

  #answerObject({ seen, response, collection, name, subresource }: ObjectRequest): void {
    const { method } = seen;
    const known = this.objects.get(`${collection}/${name}`);
    if (subresource === "log") {
      response.end(this.logs.get(name) ?? "");
    } else if (known === undefined && !(method === "PATCH" && subresource === undefined)) {
      sendStatus(response, 404, "NotFound");
    } else if (method === "GET") {
      send(response, 200, known);
    } else if (method === "DELETE") {
      this.remove(collection, name);
      send(response, 200, known);
    } else {
      this.#write({ seen, response, collection, name, subresource }, known);
    }
  }

  #write({ seen, response, collection, subresource }: ObjectRequest, known?: StoredObject): void {
    const object = seen.body as Partial<StoredObject>;
    const spec = (object["spec"] ?? {}) as { replicas: number };
    const { replicas, ...kept } = (known?.["spec"] ?? {}) as { replicas?: number };
    if (isOutdated(object, known)) {
      sendStatus(response, 409, "Conflict");
      return;
    }
    if (subresource === "scale") {
      const scaled = { ...kept, replicas: spec.replicas };
      send(response, 200, this.put(collection, { ...known, spec: scaled } as StoredObject));
      return;
    }
    const applied =
      object["spec"] === undefined
        ? {}
        : { spec: { ...spec, ...(replicas !== undefined && { replicas }) } };
    const whole = { ...known, ...object, ...applied } as StoredObject;
    send(response, 200, this.put(collection, whole));
  }
}

/** Whether a change is one of another version than the one that is there. */
function isOutdated(change: Partial<StoredObject>, known: StoredObject | undefined): boolean {
  const wanted = change.metadata?.["resourceVersion"];
  return wanted !== undefined && wanted !== known?.metadata["resourceVersion"];
}

interface ObjectRequest {
  seen: SeenRequest;
  response: ServerResponse;
  collection: string;
  name: string;
  subresource: string | undefined;
}

function matches(object: StoredObject, selector: string | undefined): boolean {
  if (selector === undefined) {
    return true;
  }
  const labels = (object.metadata["labels"] ?? {}) as Record<string, string>;
  const [, listed = "", values] = /^(.*) in \((.*)\)$/.exec(selector) ?? [];
  if (values !== undefined) {
    return values.split(",").includes(labels[listed] ?? "");
  }
  const [name = "", value] = selector.split("=");
  return value === undefined ? labels[name] !== undefined : labels[name] === value;
}
