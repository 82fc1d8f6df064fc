/**
 * A small Kubernetes API client on undici: the models of the generated client take 40 MB of memory,
 * and the services need only a few paths.
 */
import type { Readable } from "node:stream";
import { Agent, type Dispatcher, request } from "undici";
import { type KubernetesConnection, loadConnection } from "./kubeconfig.ts";
import { createTlsConnector, HTTP_1 } from "./tls-connector.ts";

/** An error response of the API server (its Status object). */
export class KubernetesError extends Error {
  override name = "KubernetesError";
  /** HTTP status. */
  readonly status: number;
  /** Machine-readable reason, e.g. `NotFound`, `AlreadyExists`, `Conflict`, `Expired`. */
  readonly reason: string;

  constructor(message: string, status: number, reason: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** Whether an error is a response of the API server with this HTTP status. */
export function isKubernetesStatus(error: unknown, status: number): error is KubernetesError {
  return error instanceof KubernetesError && error.status === status;
}

/** Identifies an object or a collection. */
export interface ResourceReference {
  /** API group. @default the core group */
  group?: string;
  /** @default v1 */
  version?: string;
  /** Plural name, e.g. `deployments`. */
  plural: string;
  /** @default cluster scope, or all namespaces */
  namespace?: string;
  /** @default the collection */
  name?: string;
  /** E.g. `status`, `scale`, `log`. */
  subresource?: string;
}

/**
 * Path of an object or a collection on the API server. Throws a NotFound KubernetesError for a name
 * that would lead out of the collection, as no object has such a name.
 */
export function resourcePath(reference: ResourceReference): string {
  const { group, version = "v1", plural, namespace, name, subresource } = reference;
  return [
    group === undefined ? `/api/${version}` : `/apis/${group}/${version}`,
    ...(namespace === undefined ? [] : ["namespaces", toSegment(namespace)]),
    plural,
    ...(name === undefined ? [] : [toSegment(name)]),
    ...(subresource === undefined ? [] : [subresource]),
  ].join("/");
}

/** URLs are normalized, including encoded dots, and an empty segment would be the collection. */
function toSegment(name: string): string {
  if (["", ".", ".."].includes(name)) {
    throw new KubernetesError(`name: expected that of an object, got "${name}"`, 404, "NotFound");
  }
  return encodeURIComponent(name);
}

/**
 * What the API server can make of objects before it answers, so that their contents stay with it:
 * metadata alone, or the columns that kubectl prints.
 */
export type Projection = "PartialObjectMetadata" | "PartialObjectMetadataList" | "Table";

export interface KubernetesRequest {
  /** @default GET */
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Undefined values are left out. */
  query?: Record<string, string | number | boolean | undefined>;
  /** Sent as JSON. */
  body?: unknown;
  /** @default application/json */
  contentType?: string;
  /** What to answer with; a server that cannot fails, and is not asked for more. @default whole */
  as?: Projection;
  signal?: AbortSignal;
}

export interface ApplyOptions {
  /** The field manager, which then owns the fields that it sends. */
  fieldManager: string;
  /** Whether to take over fields of other managers. @default false (a conflict is a 409) */
  force?: boolean;
  /** What to answer with. @default the whole object */
  as?: Projection;
}

const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Silence after which the system asks whether the other end is still there; it does so each second
 * (libuv), ten times. A host that lost its power says nothing.
 */
const KEEP_ALIVE_MS = 10_000;

/** A stream without data for this long is closed: bookmarks arrive about once a minute. */
const STREAM_SILENCE_MS = 150_000;

export class KubernetesClient {
  readonly #connection: KubernetesConnection;
  readonly #agent: Agent;

  /**
   * @param connection - how to reach the API server, or a client whose connections this one shares.
   * @default from the environment
   */
  constructor(connection: KubernetesConnection | KubernetesClient = loadConnection()) {
    if (connection instanceof KubernetesClient) {
      this.#connection = connection.#connection;
      this.#agent = connection.#agent;
      return;
    }
    this.#connection = connection;
    const { readTls = () => ({}), tlsServerName, isInsecure } = connection;
    const connect = {
      timeout: 5000,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      ...(tlsServerName !== undefined && { servername: tlsServerName }),
      ...(isInsecure === true && { rejectUnauthorized: false }),
    };
    this.#agent = new Agent({
      ...HTTP_1,
      keepAliveTimeout: 30_000,
      connect: createTlsConnector(connect, readTls),
    });
  }

  /** Sends a request and returns the parsed response. Throws a KubernetesError for an error. */
  async request<T>(path: string, options: KubernetesRequest = {}): Promise<T> {
    const { body } = await this.#send(path, options, REQUEST_TIMEOUT_MS);
    const answer = await body.json();
    requireProjection(answer, path, options.as);
    return answer as T;
  }

  /** Reads an object; undefined for a 404. Throws like `request` for other errors. */
  async find<T>(
    path: string,
    options?: Pick<KubernetesRequest, "as" | "signal">,
  ): Promise<T | undefined> {
    try {
      return await this.request<T>(path, options);
    } catch (error) {
      if (isKubernetesStatus(error, 404)) {
        return undefined;
      }
      throw error;
    }
  }

  /** Metadata of what a collection has; the rest of its objects stays with the API server. */
  async listMetadata<T extends { metadata: unknown }>(
    path: string,
    labelSelector: string,
  ): Promise<T[]> {
    const { items } = await this.request<{ items: T[] | null }>(path, {
      as: "PartialObjectMetadataList",
      query: { labelSelector },
    });
    // A list of these is null, and not empty, where there are none.
    return items ?? [];
  }

  /**
   * Sends a request and streams the response (watches, logs). The stream ends after `silenceMs`
   * without data (150 s by default, 0: never).
   */
  async stream(
    path: string,
    options: KubernetesRequest & { silenceMs?: number } = {},
  ): Promise<Readable> {
    const { silenceMs = STREAM_SILENCE_MS, ...rest } = options;
    const { body } = await this.#send(path, rest, silenceMs);
    return body;
  }

  /** Server-side apply of an object, which is created if missing. Returns the stored object. */
  apply<T>(path: string, object: unknown, options: ApplyOptions): Promise<T> {
    const { fieldManager, force, as } = options;
    return this.request<T>(path, {
      method: "PATCH",
      query: { fieldManager, force },
      body: object,
      contentType: "application/apply-patch+yaml",
      ...(as !== undefined && { as }),
    });
  }

  /** JSON merge patch (RFC 7386). Returns the stored object. */
  mergePatch<T>(path: string, patch: unknown, fieldManager: string): Promise<T> {
    return this.request<T>(path, {
      method: "PATCH",
      query: { fieldManager },
      body: patch,
      contentType: "application/merge-patch+json",
    });
  }

  /** Closes the connections at once; streams end with an error. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #send(
    path: string,
    options: KubernetesRequest,
    bodyTimeout: number,
  ): Promise<Dispatcher.ResponseData> {
    const { method = "GET", query, body, contentType = "application/json", as, signal } = options;
    const token = this.#connection.token?.();
    const response = await request(`${this.#connection.server}${path}${toQuery(query)}`, {
      dispatcher: this.#agent,
      method,
      headers: {
        accept: `application/json${as === undefined ? "" : `;as=${as};v=v1;g=meta.k8s.io`}`,
        "user-agent": "plonk",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": contentType }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
      headersTimeout: REQUEST_TIMEOUT_MS,
      bodyTimeout,
    });
    if (response.statusCode >= 300) {
      throw await toError(response, `${method} ${path}`, signal);
    }
    return response;
  }
}

/** A proxy that drops parameters of Accept would bring whole objects; a deletion gives a Status. */
function requireProjection(answer: unknown, path: string, as: Projection | undefined): void {
  const { kind } = answer as { kind?: string };
  if (as !== undefined && kind !== as && kind !== "Status") {
    throw new KubernetesError(`${path}: expected ${as}, got ${kind}`, 406, "NotAcceptable");
  }
}

function toQuery(query: KubernetesRequest["query"]): string {
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`;
}

async function toError(
  { statusCode, body }: Dispatcher.ResponseData,
  call: string,
  signal?: AbortSignal,
): Promise<KubernetesError> {
  const text = await body.text().catch(() => "");
  // Of an answer that was cut nobody knows what it says.
  signal?.throwIfAborted();
  try {
    const { message, reason } = JSON.parse(text) as { message?: string; reason?: string };
    return new KubernetesError(message ?? `${call}: ${statusCode}`, statusCode, reason ?? "");
  } catch {
    return new KubernetesError(`${call}: answered ${statusCode}`, statusCode, "");
  }
}
