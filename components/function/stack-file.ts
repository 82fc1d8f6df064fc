/** `StackFile`: the functions of a stack file of OpenFaaS, as it is. */
import { dirname, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { quote, toField, toText } from "../../contract/index.ts";
import {
  findFileMistakes,
  findFunctionMistakes,
  readStackFile,
  type StackFunction,
  type StackSpec,
  toSpecPart,
} from "../../contract/stack-file/index.ts";
import { ArgumentError, checkFor } from "../errors.ts";
import type { FunctionArgs, PlatformReference } from "./args.ts";
import { toComponentOptions } from "./create.ts";
import { loadEnvironment, readText, toPath } from "./environment-file.ts";
import { Function } from "./function.ts";

/** Arguments of `StackFile`: either `file` or `text`, and what is to be taken of it. */
export interface StackFileArgs {
  /** The platform to run on. */
  platform: PlatformReference;
  /**
   * Path or `file:` URL of the stack file. A path is relative to the program's directory, and
   * those of `environment_file` to the stack file. It decides which functions there are, so it
   * cannot be an output.
   */
  file?: string;
  /**
   * Text of a stack file, in place of `file`. Paths of `environment_file` are relative to the
   * program's directory then. It cannot be an output.
   */
  text?: string;
  /** Names of those functions that are wanted; no outputs. @default all of them */
  names?: string[];
  /**
   * Values of `${NAME}` in the file; no outputs. The environment of the process is not read, so
   * that a preview is the same on all machines. One that is used, and has neither a value here nor
   * a default (`${NAME:-default}`), is refused. @default none
   */
  variables?: Record<string, string>;
}

/**
 * The functions of a stack file, a `Function` each, as `faas-cli deploy` deploys them: images have
 * to be there, and fields that only `faas-cli build` reads have no effect.
 *
 * @example
 * const stack = new StackFile("stack", {
 *   platform,
 *   file: "./stack.yml",
 *   variables: { TAG: new pulumi.Config().require("tag") },
 * });
 * export const { urls } = stack;
 */
export class StackFile extends pulumi.ComponentResource {
  /** Addresses to call the functions at, by their names. */
  public readonly urls: pulumi.Output<Record<string, string>>;
  /** Addresses to queue calls at, by the functions' names. */
  public readonly asyncUrls: pulumi.Output<Record<string, string>>;
  /** The functions, by their names. @internal */
  public readonly functions: Readonly<Record<string, Function>>;

  constructor(name: string, args: StackFileArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:StackFile", name, {}, toComponentOptions(args.platform, opts));
    const wanted = checkFor(this, () => readFunctions(args));
    const functions = wanted.map(([each, own]): [string, Function] => [
      each,
      new Function(`${name}-${each}`, { platform: args.platform, ...own }, { parent: this }),
    ]);
    this.functions = Object.fromEntries(functions);
    this.urls = collect(functions, ({ url }) => url);
    this.asyncUrls = collect(functions, ({ asyncUrl }) => asyncUrl);
    this.registerOutputs({ urls: this.urls, asyncUrls: this.asyncUrls });
  }
}

function collect(
  functions: [string, Function][],
  toAddress: (each: Function) => pulumi.Output<string>,
): pulumi.Output<Record<string, string>> {
  return pulumi.output(
    Object.fromEntries(functions.map(([name, each]) => [name, toAddress(each)])),
  );
}

type OwnArgs = Omit<FunctionArgs, "platform">;

/** Names and arguments of the functions. @throws ArgumentError with a line for each mistake */
function readFunctions(args: StackFileArgs): [string, OwnArgs][] {
  const { text, folder } = readSource(args);
  const file = readStackFile(text, args.variables ?? {});
  const wanted = selectNames(file.functions, args.names);
  const mistakes = findFileMistakes(file, wanted).map(toText);
  const functions = wanted.map((each): [string, OwnArgs] => {
    const environment = { ...each.environment };
    for (const [index, path] of each.environmentFiles.entries()) {
      const field = toField(["functions", each.name, "environment_file", String(index)]);
      const found = loadEnvironment(field, resolve(folder, path));
      mistakes.push(...found.mistakes);
      Object.assign(environment, found.environment);
    }
    const spec = toSpecPart(each, environment);
    mistakes.push(...findFunctionMistakes(each, spec).map(toText));
    return [each.name, toArgs(each, spec)];
  });
  if (mistakes.length > 0) {
    throw new ArgumentError(mistakes.join("\n"));
  }
  return functions;
}

function readSource({ file, text }: StackFileArgs): { text: string; folder: string } {
  if ((file === undefined) === (text === undefined)) {
    const got = file === undefined ? "neither" : "both";
    throw new ArgumentError(`file, text: expected exactly one of them, got ${got}`);
  }
  return file === undefined
    ? { text: text ?? "", folder: process.cwd() }
    : { text: readText("file", toPath(file)), folder: dirname(toPath(file)) };
}

function selectNames(functions: StackFunction[], names: string[] | undefined): StackFunction[] {
  const found = functions.map(({ name }) => name);
  if (names?.length === 0) {
    throw new ArgumentError("names: expected at least one, or none at all for all, got []");
  }
  for (const [index, name] of (names ?? []).entries()) {
    if (functions.length > 0 && !found.includes(name)) {
      const expected = `one of ${found.join(", ")}`;
      throw new ArgumentError(`names[${index}]: expected ${expected}, got ${quote(name)}`);
    }
  }
  return functions.filter(({ name }) => names?.includes(name) ?? true);
}

/** The arguments of a function, which are a spec under other names. */
function toArgs({ namespace }: StackFunction, spec: StackSpec): OwnArgs {
  const { handler, ...same } = spec;
  return {
    ...same,
    ...(handler !== undefined && { fprocess: handler }),
    ...(namespace !== undefined && { namespace }),
  };
}
