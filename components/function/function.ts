/** `Function`: a function of the platform, from a module or an image. */
import * as pulumi from "@pulumi/pulumi";
import { CODE_ENTRY } from "../../contract/index.ts";
import { ArgumentChecks, toResourceError } from "../errors.ts";
import type { FunctionArgs } from "./args.ts";
import { bundleModule } from "./bundle.ts";
import {
  createFunction,
  type FunctionNodes,
  type FunctionSource,
  toComponentOptions,
} from "./create.ts";
import { dropEmptyTexts } from "./empty-texts.ts";
import { checkImage, checkProcess } from "./validation.ts";

/**
 * A function, made of a JavaScript or TypeScript module or of any OpenFaaS image. It is created
 * when its pods are ready.
 *
 * @example
 * new Function("resize", {
 *   platform,
 *   code: import.meta.resolve("./resize.ts"),
 *   scale: { min: 1, max: 10 },
 * });
 * new Function("figlet", { platform, image: "ghcr.io/openfaas/figlet:0.1.0" });
 */
export class Function extends pulumi.ComponentResource {
  /** Name under which the function is called. */
  public readonly name: pulumi.Output<string>;
  /** Address to call it at. */
  public readonly url: pulumi.Output<string>;
  /** Address to queue a call at. */
  public readonly asyncUrl: pulumi.Output<string>;
  /** What is underneath. @internal */
  public readonly nodes: FunctionNodes;

  constructor(name: string, args: FunctionArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:Function", name, {}, toComponentOptions(args.platform, opts));
    const given = dropEmptyTexts(args);
    requireOneSource(this, given);
    const checks = new ArgumentChecks(this);
    const { outputs, nodes } = createFunction(this, name, {
      args: given,
      checks,
      source: toSource(checks, given),
    });
    this.name = outputs.name;
    this.url = outputs.url;
    this.asyncUrl = outputs.asyncUrl;
    this.nodes = nodes;
    this.registerOutputs({ ...outputs });
  }
}

function requireOneSource(resource: pulumi.Resource, args: FunctionArgs): void {
  const { code, image, fprocess } = args;
  if ((code === undefined) === (image === undefined)) {
    const got = code === undefined ? "neither" : "both";
    throw toResourceError(resource, `code, image: expected exactly one of them, got ${got}`);
  }
  if (code !== undefined && fprocess !== undefined) {
    throw toResourceError(resource, "fprocess: expected image beside it, got code");
  }
}

function toSource(checks: ArgumentChecks, args: FunctionArgs): FunctionSource {
  const { code, image, fprocess } = args;
  if (code === undefined) {
    return {
      image: image === undefined ? undefined : checks.apply(image, checkImage),
      fprocess: fprocess === undefined ? undefined : checks.apply(fprocess, checkProcess),
    };
  }
  return { code: { text: checks.apply(code, bundleModule), entry: CODE_ENTRY } };
}
