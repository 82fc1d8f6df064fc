/** `CallbackFunction`: a function written inline in the program. */
import * as pulumi from "@pulumi/pulumi";
import { ArgumentChecks, checkFor } from "../errors.ts";
import type { FunctionOptions } from "./args.ts";
import { checkCallback, toClosureCode } from "./closure.ts";
import { createFunction, toComponentOptions } from "./create.ts";

/** A call, as OpenFaaS' Node template hands it over. */
export interface FunctionEvent {
  /** Parsed for JSON, text for text, otherwise bytes. */
  body: unknown;
  headers: Record<string, string | string[] | undefined>;
  /** The HTTP method. */
  method: string;
  /** What follows the function's name, `/` when nothing does. */
  path: string;
  query: Record<string, string>;
}

/** The answer, for callbacks that set more than a body. */
export interface FunctionContext {
  /** Sets the HTTP status. @default 200 */
  status(code: number): this;
  /** Sets headers of the answer. */
  headers(values: Record<string, string>): this;
  /** Answers with `result`. */
  succeed(result: unknown): this;
  /** Answers with status 500 and the text of `error`. */
  fail(error: unknown): this;
}

/** What a callback looks like: it returns the answer's body, or a promise of it. */
export type FunctionCallback = (event: FunctionEvent, context: FunctionContext) => unknown;

/** Arguments of `CallbackFunction`. */
export interface CallbackFunctionArgs extends FunctionOptions {
  /**
   * The function. It takes the values that it captures along; imports it loads itself by
   * `await import("…")`, secrets it reads from their files.
   */
  callback: FunctionCallback;
}

/**
 * A function written inline. For TypeScript and JavaScript programs only: other languages have
 * `Function`.
 *
 * @example
 * new CallbackFunction("hello", {
 *   platform,
 *   callback: (event) => `hello ${String(event.body)}`,
 * });
 */
export class CallbackFunction extends pulumi.ComponentResource {
  /** Name under which the function is called. */
  public readonly name: pulumi.Output<string>;
  /** Address to call it at. */
  public readonly url: pulumi.Output<string>;
  /** Address to queue a call at. */
  public readonly asyncUrl: pulumi.Output<string>;

  constructor(name: string, args: CallbackFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:CallbackFunction", name, {}, toComponentOptions(args.platform, opts));
    checkFor(this, () => checkCallback(args.callback));
    const checks = new ArgumentChecks(this);
    const text = checks.applyAsync({}, () => toClosureCode(args.callback));
    const source = { code: { text, entry: "index.cjs" } };
    const outputs = createFunction(this, name, { args, checks, source });
    this.name = outputs.name;
    this.url = outputs.url;
    this.asyncUrl = outputs.asyncUrl;
    this.registerOutputs({ ...outputs });
  }
}
