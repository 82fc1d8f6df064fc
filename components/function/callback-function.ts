/** `CallbackFunction`: a function written inline in the program. */
import * as pulumi from "@pulumi/pulumi";
import type { FunctionHandler } from "../../contract/index.ts";
import { ArgumentChecks, checkFor } from "../errors.ts";
import type { FunctionOptions } from "./args.ts";
import { checkCallback, toClosureCode } from "./closure.ts";
import { createFunction, type FunctionNodes, toComponentOptions } from "./create.ts";

/** Arguments of `CallbackFunction`. */
export interface CallbackFunctionArgs extends FunctionOptions {
  /**
   * The function, called on no object. It takes copies of the values that it captures along, and
   * a preview refuses by name what cannot be copied; imports it loads itself by
   * `await import("…")`, secrets it reads from their files.
   */
  callback: FunctionHandler;
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
  /** What is underneath. @internal */
  public readonly nodes: FunctionNodes;

  constructor(name: string, args: CallbackFunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:CallbackFunction", name, {}, toComponentOptions(args.platform, opts));
    checkFor(this, () => checkCallback(args.callback));
    const checks = new ArgumentChecks(this);
    const text = checks.applyAsync({}, () => toClosureCode(args.callback));
    const source = { code: { text, entry: "index.cjs" } };
    const { outputs, nodes } = createFunction(this, name, { args, checks, source });
    this.name = outputs.name;
    this.url = outputs.url;
    this.asyncUrl = outputs.asyncUrl;
    this.nodes = nodes;
    this.registerOutputs({ ...outputs });
  }
}
