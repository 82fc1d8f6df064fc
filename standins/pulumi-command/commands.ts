/** `local.Command` and `remote.Command`: which command runs when, and the stored outputs. */
import { randomBytes } from "node:crypto";
import type {
  Call,
  CreateRequest,
  CreateResult,
  DeleteRequest,
  UpdateRequest,
} from "../provider-protocol/provider.ts";
import {
  hasSecret,
  mapPropertyMap,
  type PropertyMap,
  Secret,
  UNKNOWN,
  type Value,
} from "../provider-protocol/values.ts";
import { toText } from "./inputs.ts";
import type { Output, Telling } from "./output.ts";

/** Parameters of a run, in addition to the inputs. */
export interface CommandRun extends Pick<Telling, "command" | "isCommandSecret" | "onLine"> {
  previous: Output | undefined;
  signal: AbortSignal;
  onWarning: (message: string) => void;
}

/** Runs a command with inputs that are all known. */
export type Runner = (inputs: PropertyMap, run: CommandRun) => Promise<Output>;

/** Receives the lines of a running command; resolves when all have been delivered. */
export interface Teller extends Pick<CommandRun, "onLine" | "onWarning"> {
  finish(): Promise<void>;
}

/** The life of a command resource. */
export class Commands {
  readonly #run: Runner;
  readonly #toTeller: (urn: string) => Teller;

  constructor(run: Runner, toTeller: (urn: string) => Teller) {
    this.#run = run;
    this.#toTeller = toTeller;
  }

  async create(request: CreateRequest): Promise<CreateResult> {
    const { inputs, preview } = request;
    const id = `${request.name}${randomBytes(4).toString("hex")}`;
    if (preview) {
      return { id: "", outputs: withOutput(inputs, undefined) };
    }
    const output = await this.run(inputs, "create", { call: request });
    return { id, outputs: withOutput(inputs, output ?? { stdout: "", stderr: "" }) };
  }

  async update(request: UpdateRequest): Promise<PropertyMap> {
    const { newInputs, oldOutputs } = request;
    const property = "update" in newInputs ? "update" : "create";
    const previous = toOutput(oldOutputs);
    if (request.preview) {
      return withOutput(newInputs, property in newInputs ? undefined : previous);
    }
    const output = await this.run(newInputs, property, { call: request, previous });
    return withOutput(newInputs, output ?? previous);
  }

  async delete(request: DeleteRequest): Promise<void> {
    const previous = toOutput(request.outputs);
    const inputs = Object.keys(request.oldInputs).length > 0 ? request.oldInputs : request.outputs;
    await this.run(inputs, "delete", { call: request, previous });
  }

  /** Runs the command under `property`; undefined when there is none. */
  async run(
    inputs: PropertyMap,
    property: string,
    { call, previous }: { call: RunCall; previous?: Output },
  ): Promise<Output | undefined> {
    const command = toText(inputs[property]);
    if (command === undefined) {
      return undefined;
    }
    const teller = this.#toTeller(call.urn ?? "");
    const running = this.#run(inputs, {
      command,
      isCommandSecret: hasSecret(inputs[property]),
      previous,
      signal: withTimeout(call.signal, call.timeoutSeconds ?? 0),
      onLine: (line) => teller.onLine(line),
      onWarning: (message) => teller.onWarning(message),
    });
    return await running.finally(() => teller.finish());
  }
}

type RunCall = Pick<Call, "signal"> & { urn?: string; timeoutSeconds?: number };

/**
 * The inputs are outputs too. The output of a command with a secret input is secret, as it may
 * contain it; except for the connection, which is always secret and never printed.
 */
export function withOutput(inputs: PropertyMap, output: Output | undefined): PropertyMap {
  const isSecret = hasSecret(
    mapPropertyMap(inputs, (value, key) => (key === "connection" ? null : value)),
  );
  const mark = (value: Value): Value => (isSecret ? new Secret(value) : value);
  return {
    ...inputs,
    stdout: mark(output?.stdout ?? UNKNOWN),
    stderr: mark(output?.stderr ?? UNKNOWN),
  };
}

/** A signal that also aborts after `customTimeouts`; 0 for no time-out. */
export function withTimeout(signal: AbortSignal, seconds: number): AbortSignal {
  return seconds > 0 ? AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]) : signal;
}

function toOutput(outputs: PropertyMap): Output {
  return { stdout: toText(outputs["stdout"]) ?? "", stderr: toText(outputs["stderr"]) ?? "" };
}
