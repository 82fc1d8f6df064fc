/** A service's metrics registry, and the HTTP server for metrics and health. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { collectDefaultMetrics, type Gauge, Registry } from "@prometheus-io/client";
import type { Health } from "./health.ts";
import { KEEP_ALIVE_MS, watchConnections } from "./servers.ts";
import { BUILD } from "./version.ts";

export { Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";

/** A registry with what build it is of, and the process's own metrics (memory, CPU, event loop). */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registerSamples(registry, {
    name: "plonk_build_info",
    help: "Version of Plonk, and the commit that it was built from",
    type: "gauge",
    collect: () => [{ labels: BUILD, value: 1 }],
  });
  return registry;
}

/** One line of the exposition. */
export interface Sample {
  /** If it differs from the metric's own name, e.g. `…_bucket`. */
  metricName?: string;
  labels: Record<string, string | number>;
  value: number;
}

export interface SampledMetric {
  name: string;
  help: string;
  type: "counter" | "gauge" | "histogram";
  /** Called when the metrics are read. */
  collect: () => Sample[];
}

/** Registers a metric whose values are stored elsewhere. */
export function registerSamples(registry: Registry, metric: SampledMetric): void {
  const { name, help, type, collect } = metric;
  const get = (): Promise<object> =>
    Promise.resolve({ name, help, type, aggregator: "sum", values: collect() });
  // The registry needs only these fields, but its type accepts only the library's own classes.
  registry.registerMetric({ name, help, type, get } as unknown as Gauge);
}

export interface MetricsServerOptions {
  registry: Registry;
  health: Health;
  /** What the service itself has to tell by path, as JSON. */
  pages?: Readonly<Record<string, Page>>;
}

/** Gives what a page says now. */
export type Page = (query: URLSearchParams) => Promise<object>;

/**
 * An HTTP server with `/metrics`, `/healthz` (liveness), `/readyz` and the service's own pages, not
 * yet listening.
 */
export function createMetricsServer(options: MetricsServerOptions): Server {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    void answer(options, request, response);
  });
  return watchConnections(server);
}

async function answer(
  options: MetricsServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = "/", query] = (request.url ?? "/").split("?", 2);
  const page = options.pages?.[path];
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
  } else if (path === "/metrics") {
    const { registry } = options;
    const text = await registry.metrics();
    response.writeHead(200, { "content-type": registry.contentType }).end(text);
  } else if (page !== undefined) {
    const text = JSON.stringify(await page(new URLSearchParams(query)));
    response.writeHead(200, { "content-type": "application/json" }).end(text);
  } else {
    answerPage(options, path, response);
  }
}

function answerPage(
  { health }: MetricsServerOptions,
  path: string,
  response: ServerResponse,
): void {
  if (path === "/healthz") {
    sendText(response, 200, "OK");
  } else if (path === "/readyz") {
    const problems = health.problems();
    sendText(response, problems.length === 0 ? 200 : 503, problems.join("\n") || "OK");
  } else {
    sendText(response, 404, "404 page not found\n");
  }
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(text);
}
