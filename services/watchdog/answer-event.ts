/** Answers calls with a handler of OpenFaaS' Node template: `(event, context)`. */
import type { FunctionContext, FunctionEvent } from "../../contract/function/handler.ts";
import { toAnswer } from "./answer-fetch.ts";
import { type Call, type CallHandler, splitTarget } from "./call.ts";
import { encode } from "./encode.ts";
import { collectParameters, parseBody, readBody } from "./event-body.ts";
import { type Answer, sendAnswer } from "./send-answer.ts";

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
    const context = new AnswerContext();
    const value = await context.of(handle, event);
    await sendAnswer(call, toEventAnswer(context, value));
  };
}

async function toEvent({ request }: Call, options: EventOptions): Promise<FunctionEvent> {
  const body = await readBody(request, options.maxBodyBytes);
  const { path, query } = splitTarget(request.url);
  return {
    body: options.rawBody ? body : parseBody(body, request.headers["content-type"]),
    headers: request.headers,
    method: request.method ?? "GET",
    query: collectParameters(new URLSearchParams(query)),
    path,
  };
}

/** Status, headers and value of one call; settled once. */
class AnswerContext implements FunctionContext {
  headerValues: Record<string, string | string[]> = {};
  /** As the handler has set it. */
  #status: number | undefined;
  #hasFailed = false;
  readonly #settled = Promise.withResolvers<unknown>();

  status(): number;
  status(code: number): this;
  status(code?: number): number | this {
    if (code === undefined) {
      return this.#status ?? (this.#hasFailed ? 500 : 200);
    }
    this.#status = code;
    return this;
  }

  /** Whether the handler has set it. */
  get hasStatus(): boolean {
    return this.#status !== undefined || this.#hasFailed;
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

  succeed(value?: unknown): this {
    this.#settled.resolve(value);
    return this;
  }

  fail(value?: unknown): this {
    this.#hasFailed = true;
    this.#settled.resolve(value instanceof Error ? String(value) : value);
    return this;
  }

  /** Runs the handler and waits for its value. */
  of(handle: EventFunction, event: FunctionEvent): Promise<unknown> {
    const callback: Callback = (error, value) => {
      if (error === undefined || error === null) {
        this.succeed(value);
      } else {
        this.fail(error);
      }
    };
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

function toEventAnswer(context: AnswerContext, value: unknown): Answer {
  const set = Object.entries(context.headerValues);
  if (value instanceof Response) {
    const answer = toAnswer(value);
    const status = context.hasStatus ? context.status() : answer.status;
    return { ...answer, status, headers: [...answer.headers, ...set] };
  }
  const { body, contentType } = encode(value);
  const usual: Answer["headers"] = body === "" ? [] : [["Content-Type", contentType]];
  return { status: context.status(), headers: [...usual, ...set], body };
}
