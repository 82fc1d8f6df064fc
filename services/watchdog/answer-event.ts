/** Answers calls with a handler of OpenFaaS' Node template: `(event, context)`. */
import type { FunctionContext, FunctionEvent } from "../../contract/function/handler.ts";
import { type Call, type CallHandler, setDuration } from "./call.ts";
import { collectParameters, parseBody, readBody } from "./event-body.ts";

type Callback = (error: unknown, value?: unknown) => void;

/** A handler; older ones of the template take a callback as third argument. */
export type EventFunction = (
  event: FunctionEvent,
  context: FunctionContext,
  callback: Callback,
) => unknown;

export interface EventOptions {
  /** Largest body, bytes. */
  maxBodyBytes: number;
  /** Whether `event.body` is always a Buffer. */
  rawBody: boolean;
}

/** Makes a call handler from an event handler. */
export function answerEvent(handle: EventFunction, options: EventOptions): CallHandler {
  return async (call) => {
    const event = await toEvent(call, options);
    const outcome = new Outcome();
    send(call, outcome, await outcome.of(handle, event));
  };
}

async function toEvent({ request }: Call, options: EventOptions): Promise<FunctionEvent> {
  const body = await readBody(request, options.maxBodyBytes);
  const url = new URL(request.url ?? "/", "http://localhost");
  return {
    body: options.rawBody ? body : parseBody(body, request.headers["content-type"]),
    headers: request.headers,
    method: request.method ?? "GET",
    query: collectParameters(url.searchParams),
    path: url.pathname,
  };
}

/** Status, headers and value of one call; settled once. */
class Outcome implements FunctionContext {
  statusCode = 200;
  headerValues: Record<string, string | string[]> = {};
  readonly #settled = Promise.withResolvers<unknown>();

  status(): number;
  status(code: number): this;
  status(code?: number): number | this {
    if (code === undefined) {
      return this.statusCode;
    }
    this.statusCode = code;
    return this;
  }

  headers(): Record<string, string | string[]>;
  headers(values: Record<string, string | string[]>): this;
  headers(values?: Record<string, string | string[]>): Record<string, string | string[]> | this {
    if (values === undefined) {
      return this.headerValues;
    }
    this.headerValues = { ...this.headerValues, ...values };
    return this;
  }

  succeed(value?: unknown): void {
    this.#settled.resolve(value);
  }

  fail(value?: unknown): void {
    this.statusCode = 500;
    this.#settled.resolve(value instanceof Error ? String(value) : value);
  }

  /** Runs the handler and waits for its value. */
  of(handle: EventFunction, event: FunctionEvent): Promise<unknown> {
    const callback: Callback = (error, value) =>
      error === undefined || error === null ? this.succeed(value) : this.fail(error);
    void this.#run(handle, event, callback);
    return this.#settled.promise;
  }

  async #run(handle: EventFunction, event: FunctionEvent, callback: Callback): Promise<void> {
    try {
      const returned: unknown = handle(event, this, callback);
      const value = await returned;
      // A handler with a callback that returns nothing will call it later.
      if (handle.length < 3 || returned !== undefined) {
        this.succeed(value === this ? undefined : value);
      }
    } catch (error) {
      this.#settled.reject(error instanceof Error ? error : new Error(`thrown: ${String(error)}`));
    }
  }
}

function send(call: Call, outcome: Outcome, value: unknown): void {
  const { response } = call;
  if (response.destroyed || response.headersSent) {
    return;
  }
  const { body, contentType } = encode(value);
  if (body.length > 0) {
    response.setHeader("Content-Type", contentType);
  }
  for (const [name, header] of Object.entries(outcome.headerValues)) {
    response.setHeader(name, header);
  }
  setDuration(call);
  response.statusCode = outcome.statusCode;
  response.end(body);
}

function encode(value: unknown): { body: string | Uint8Array; contentType: string } {
  if (value === undefined || value === null) {
    return { body: "", contentType: "" };
  }
  if (value instanceof Uint8Array) {
    return { body: value, contentType: "application/octet-stream" };
  }
  return {
    body: typeof value === "string" ? value : JSON.stringify(value),
    contentType: typeof value === "object" ? "application/json" : "text/plain; charset=utf-8",
  };
}
