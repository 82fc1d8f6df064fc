/** The connection to the API server: one pool of keep-alive connections, JSON in and out. */
import type { KubeConfig } from "@kubernetes/client-node";
import type { RequestOptions as HttpsOptions } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, ProxyAgent, request, type Dispatcher } from "undici";
import type { Bag, Value } from "../lib/values.ts";
import { ApiError, UnreachableError } from "./api-error.ts";
import { findKubeconfig } from "./kubeconfig.ts";
import type { Settings } from "./settings.ts";

/** How long to wait for a connection, milliseconds. */
const CONNECT_MS = 10_000;
/** How long the server may take to answer, milliseconds. Longer than its own limit of 60 s. */
const ANSWER_MS = 70_000;
/** Waits between attempts when the server cannot be reached or is overloaded, milliseconds. */
const RETRY_MS = [100, 300, 1000];
const CONNECTIONS_MAX = 32;
/** Overload and unavailability: the request was not carried out. */
const RETRIED_CODES = new Set([429, 503]);

interface ApiRequest {
  method: "GET" | "PATCH" | "DELETE" | "PUT";
  /** Path with query, e.g. `/api/v1/namespaces/default`. */
  path: string;
  body?: Value;
  contentType?: string;
  signal: AbortSignal;
}

export interface Client {
  /** URL of the API server. */
  server: string;
  /**
   * Sends a request and returns the object that comes back.
   * @throws ApiError when the server refuses, UnreachableError when there is none
   */
  send(request: ApiRequest): Promise<Bag>;
}

interface Connection {
  config: KubeConfig;
  server: string;
  dispatcher: Dispatcher;
}

/** Connects at the first request: a run without changes never loads the client library. */
export async function connect(settings: Settings): Promise<Client> {
  const connection = await open(settings);
  return {
    server: connection.server,
    send: (apiRequest) => sendWithRetries(connection, apiRequest),
  };
}

async function open(settings: Settings): Promise<Connection> {
  const config = await loadConfig(settings);
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error("kubeconfig: expected a current cluster, got none");
  const options: HttpsOptions = {};
  await config.applyToHTTPSOptions(options);
  const plan = config.createDispatcherOptions(cluster, pickTls(options));
  if (plan.type === "socks") throw new Error("kubeconfig: proxy-url must not be a SOCKS proxy");
  const limits = { connections: CONNECTIONS_MAX, headersTimeout: ANSWER_MS };
  const dispatcher =
    plan.type === "proxy"
      ? new ProxyAgent({ ...limits, uri: plan.uri, requestTls: { ...pickTls(options) } })
      : new Agent({ ...limits, connect: { timeout: CONNECT_MS, ...pickTls(options) } });
  return { config, server: cluster.server, dispatcher };
}

type TlsOptions = Pick<HttpsOptions, "ca" | "cert" | "key" | "rejectUnauthorized" | "servername">;

/** The part of the options that is about TLS; the rest is about node's own agents. */
function pickTls(options: HttpsOptions): TlsOptions {
  const { ca, cert, key, rejectUnauthorized, servername } = options;
  return Object.fromEntries(
    Object.entries({ ca, cert, key, rejectUnauthorized, servername }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

async function loadConfig(settings: Settings): Promise<KubeConfig> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  const found = findKubeconfig(settings);
  if (!found) config.loadFromDefault();
  else if (found.file !== undefined) config.loadFromFile(found.file);
  else config.loadFromString(found.text);
  if (settings.context !== undefined) config.setCurrentContext(settings.context);
  if (settings.cluster !== undefined) useCluster(config, settings.cluster);
  return config;
}

/** As kubectl's `--cluster`: the context's user on another cluster. */
function useCluster(config: KubeConfig, cluster: string): void {
  const context = config.getContextObject(config.getCurrentContext());
  config.contexts = [{ ...context, name: cluster, cluster, user: context?.user ?? "" }];
  config.setCurrentContext(cluster);
}

async function sendWithRetries(connection: Connection, apiRequest: ApiRequest): Promise<Bag> {
  for (const wait of RETRY_MS) {
    try {
      return await sendOnce(connection, apiRequest);
    } catch (error) {
      if (!isRetried(error)) throw error;
      await sleep(wait, undefined, { signal: apiRequest.signal });
    }
  }
  return sendOnce(connection, apiRequest);
}

function isRetried(error: unknown): boolean {
  return (
    error instanceof UnreachableError ||
    (error instanceof ApiError && RETRIED_CODES.has(error.code))
  );
}

async function sendOnce(connection: Connection, apiRequest: ApiRequest): Promise<Bag> {
  const { body, path, method, signal } = apiRequest;
  const answer = await reach(connection, signal, async () =>
    request(new URL(connection.server.replace(/\/$/, "") + path), {
      method,
      dispatcher: connection.dispatcher,
      signal,
      headers: {
        ...(await toHeaders(connection.config)),
        accept: "application/json",
        ...(body === undefined
          ? {}
          : { "content-type": apiRequest.contentType ?? "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    }),
  );
  const text = await reach(connection, signal, () => answer.body.text());
  const object = parseObject(text);
  if (answer.statusCode >= 300) throw new ApiError(answer.statusCode, object);
  return object;
}

async function reach<T>(
  { server }: Connection,
  signal: AbortSignal,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (signal.aborted) throw new Error("cancelled", { cause: error });
    throw new UnreachableError(server, error);
  }
}

/** Tokens of exec plugins and files expire, so they are asked for again each time. */
async function toHeaders(config: KubeConfig): Promise<Record<string, string>> {
  const options: HttpsOptions = {};
  await config.applyToHTTPSOptions(options);
  const headers = Object.fromEntries(
    Object.entries(options.headers ?? {}).map(([name, value]) => [name, String(value)]),
  );
  if (typeof options.auth === "string") {
    headers["authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`;
  }
  return headers;
}

/** What is no JSON (a proxy's error page) becomes a status with its first line. */
function parseObject(text: string): Bag {
  try {
    return JSON.parse(text) as Bag;
  } catch {
    return { message: text.split("\n", 1)[0]?.slice(0, 200) ?? "" };
  }
}
