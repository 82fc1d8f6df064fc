/** `pulumi-resource-command`, the part for this machine: `local.Command` and `local.run`. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { EngineLog } from "../lib/engine.ts";
import type {
  Call,
  CheckRequest,
  CheckResult,
  CreateRequest,
  CreateResult,
  DeleteRequest,
  DiffRequest,
  DiffResult,
  Provider,
  ReadRequest,
  ReadResult,
  UpdateRequest,
} from "../lib/provider.ts";
import { type Bag, hasSecret, Secret, UNKNOWN, type Value } from "../lib/values.ts";
import { diffInputs } from "./diff.ts";
import {
  COMMAND_PROPERTIES,
  findFailures,
  RUN_PROPERTIES,
  toSurroundings,
  toText,
} from "./inputs.ts";
import { type Output, runCommand } from "./run.ts";

const COMMAND = "command:local:Command";
const RUN = "command:local:run";

interface Moment {
  call: Pick<Call, "signal"> & { urn?: string; timeoutSeconds?: number };
  /** Property that holds the command's text. */
  property: string;
  previous?: Output;
}

/** The plugin. Messages of running commands go to `log`, on the resource that they belong to. */
export class CommandProvider implements Provider {
  readonly name = "command";
  readonly version = readSdkVersion();
  readonly #log: EngineLog;

  constructor(log: EngineLog) {
    this.#log = log;
  }

  check(request: CheckRequest): Promise<CheckResult> {
    const inputs = request.newInputs;
    const failures =
      request.type === COMMAND
        ? findFailures(inputs, COMMAND_PROPERTIES)
        : [{ property: "", reason: toRefusal(request.type) }];
    return Promise.resolve({ inputs, failures });
  }

  diff(request: DiffRequest): Promise<DiffResult> {
    return Promise.resolve(diffInputs(request.oldInputs, request.newInputs));
  }

  async create(request: CreateRequest): Promise<CreateResult> {
    const { inputs, preview } = request;
    const id = `${request.name}${randomBytes(4).toString("hex")}`;
    if (preview) return { id: "", outputs: withOutput(inputs, undefined) };
    const output = await this.#run(inputs, { call: request, property: "create" });
    return { id, outputs: withOutput(inputs, output ?? { stdout: "", stderr: "" }) };
  }

  async update(request: UpdateRequest): Promise<Bag> {
    const { newInputs, oldOutputs } = request;
    const property = "update" in newInputs ? "update" : "create";
    const previous = toOutput(oldOutputs);
    if (request.preview) {
      return withOutput(newInputs, property in newInputs ? undefined : previous);
    }
    const output = await this.#run(newInputs, { call: request, property, previous });
    return withOutput(newInputs, output ?? previous);
  }

  /** A command has no state outside Pulumi's own, so it is always as it was. */
  read(request: ReadRequest): Promise<ReadResult | undefined> {
    const { id, inputs, outputs } = request;
    if (Object.keys(outputs).length === 0) {
      throw new Error(`${id}: a command cannot be imported, there is nothing to read it from`);
    }
    return Promise.resolve({ id, inputs, outputs });
  }

  async delete(request: DeleteRequest): Promise<void> {
    const previous = toOutput(request.outputs);
    const inputs = Object.keys(request.oldInputs).length > 0 ? request.oldInputs : request.outputs;
    await this.#run(inputs, { call: request, property: "delete", previous });
  }

  async invoke(token: string, args: Bag, signal: AbortSignal): Promise<CheckResult> {
    if (token !== RUN) throw new Error(toRefusal(token));
    const failures = findFailures(args, RUN_PROPERTIES);
    if (!("command" in args)) failures.push({ property: "command", reason: "command: is missing" });
    if (failures.length > 0) return { inputs: {}, failures };
    const output = await this.#run(args, { call: { signal }, property: "command" });
    return { inputs: withOutput(args, output) };
  }

  /** Runs the command under `property`; undefined when there is none. */
  async #run(inputs: Bag, moment: Moment): Promise<Output | undefined> {
    const { call, property, previous } = moment;
    const command = toText(inputs[property]);
    if (command === undefined) return undefined;
    let shown = Promise.resolve();
    const show = (message: string): void => {
      const line = { severity: "info", message, urn: call.urn ?? "", ephemeral: true } as const;
      // One after the other, so that lines arrive in order.
      shown = shown.then(() => this.#log.log(line));
    };
    const output = await runCommand({
      ...toSurroundings(inputs),
      command,
      isCommandSecret: hasSecret(inputs[property]),
      previous,
      signal: withTimeout(call.signal, call.timeoutSeconds ?? 0),
      onLine: show,
    });
    await shown;
    return output;
  }
}

function toRefusal(token: string): string {
  const covered = `this plugin covers ${COMMAND} and ${RUN}`;
  return token.startsWith("command:remote:")
    ? `${token}: commands over SSH come later, ${covered}`
    : `${token}: is not known, ${covered}`;
}

/** The inputs are outputs too. What a secret went into may print it, so its output is secret. */
function withOutput(inputs: Bag, output: Output | undefined): Bag {
  const mark = (value: Value): Value => (hasSecret(inputs) ? new Secret(value) : value);
  return {
    ...inputs,
    stdout: mark(output?.stdout ?? UNKNOWN),
    stderr: mark(output?.stderr ?? UNKNOWN),
  };
}

function toOutput(outputs: Bag): Output {
  return { stdout: toText(outputs["stdout"]) ?? "", stderr: toText(outputs["stderr"]) ?? "" };
}

function withTimeout(signal: AbortSignal, seconds: number): AbortSignal {
  return seconds > 0 ? AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]) : signal;
}

/** The engine looks a plugin up by the version of the SDK that asks for it. */
function readSdkVersion(): string {
  const path = createRequire(import.meta.url).resolve("@pulumi/command/package.json");
  const { version } = JSON.parse(readFileSync(path, "utf8")) as { version: string };
  return version.replace(/^v/, "");
}
