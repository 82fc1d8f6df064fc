/** `pulumi-resource-command`: commands on this machine and over SSH, and copies to hosts. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { EngineLog } from "../provider-protocol/engine.ts";
import type {
  CheckFailure,
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
} from "../provider-protocol/provider.ts";
import type { PropertyMap } from "../provider-protocol/values.ts";
import { Commands, type Runner, type Teller, withOutput } from "./commands.ts";
import { diffInputs } from "./diff.ts";
import {
  COMMAND_PROPERTIES,
  findFailures,
  findMissing,
  RUN_PROPERTIES,
  toLocalEnvironment,
} from "./inputs.ts";
import { type Kind, toCommandKind } from "./kind.ts";
import { runCommand } from "./run.ts";

const COMMAND = "command:local:Command";
const REMOTE_COMMAND = "command:remote:Command";
const COPY = "command:remote:CopyToRemote";
const RUN = "command:local:run";

/** The plugin. Output of running commands is logged on their resource. */
export class CommandProvider implements Provider {
  readonly name = "command";
  readonly version = readSdkVersion();
  readonly #log: EngineLog;
  readonly #local: Commands;

  constructor(log: EngineLog) {
    this.#log = log;
    this.#local = new Commands(runLocally, (urn) => createTeller(log, urn));
  }

  async check(request: CheckRequest): Promise<CheckResult> {
    const inputs = request.newInputs;
    const kind = await this.#findKind(request.type);
    if (!kind) {
      return { inputs, failures: [{ property: "", reason: toRefusal(request.type) }] };
    }
    return { inputs: kind.complete(inputs), failures: kind.check(inputs) };
  }

  diff(request: DiffRequest): Promise<DiffResult> {
    return Promise.resolve(diffInputs(request.oldInputs, request.newInputs));
  }

  async create(request: CreateRequest): Promise<CreateResult> {
    return await (await this.#requireKind(request.type)).create(request);
  }

  async update(request: UpdateRequest): Promise<PropertyMap> {
    return await (await this.#requireKind(request.type)).update(request);
  }

  /** A command has no state outside of Pulumi's, so a refresh changes nothing. */
  read(request: ReadRequest): Promise<ReadResult | undefined> {
    const { id, inputs, outputs } = request;
    if (Object.keys(outputs).length === 0) {
      throw new Error(`${id}: a command cannot be imported, there is nothing to read it from`);
    }
    return Promise.resolve({ id, inputs, outputs });
  }

  async delete(request: DeleteRequest): Promise<void> {
    await (await this.#requireKind(request.type)).delete?.(request);
  }

  async invoke(token: string, args: PropertyMap, signal: AbortSignal): Promise<CheckResult> {
    if (token !== RUN) {
      throw new Error(toRefusal(token));
    }
    const failures = [...findFailures(args, RUN_PROPERTIES), ...findMissing(args, ["command"])];
    if (failures.length > 0) {
      return { inputs: {}, failures };
    }
    const output = await this.#local.run(args, "command", { call: { signal } });
    return { inputs: withOutput(args, output) };
  }

  async #findKind(type: string): Promise<Kind | undefined> {
    if (type === COMMAND) {
      const check = (inputs: PropertyMap): CheckFailure[] =>
        findFailures(inputs, COMMAND_PROPERTIES);
      return toCommandKind(this.#local, { check, complete: (inputs) => inputs });
    }
    if (type !== REMOTE_COMMAND && type !== COPY) {
      return undefined;
    }
    const { createRemoteKinds } = await import("./remote.ts");
    const { command, copy } = createRemoteKinds((urn) => createTeller(this.#log, urn));
    return type === COPY ? copy : command;
  }

  async #requireKind(type: string): Promise<Kind> {
    const kind = await this.#findKind(type);
    if (kind === undefined) {
      throw new Error(toRefusal(type));
    }
    return kind;
  }
}

const runLocally: Runner = (inputs, run) => runCommand({ ...toLocalEnvironment(inputs), ...run });

/** Sends lines to the engine one after the other, to keep their order. */
function createTeller(log: EngineLog, urn: string): Teller {
  let sent = Promise.resolve();
  const send = (severity: "info" | "warning", message: string, ephemeral: boolean): void => {
    sent = sent.then(() => log.log({ severity, message, urn, ephemeral }));
  };
  return {
    onLine: (line) => send("info", line, true),
    onWarning: (message) => send("warning", message, false),
    finish: () => sent,
  };
}

function toRefusal(token: string): string {
  const covered = `this plugin covers ${COMMAND}, ${REMOTE_COMMAND}, ${COPY} and ${RUN}`;
  return token === "command:remote:CopyFile"
    ? `${token}: is deprecated, use ${COPY} instead; ${covered}`
    : `${token}: unknown, ${covered}`;
}

/** The engine looks for the plugin version of the SDK. */
function readSdkVersion(): string {
  const path = createRequire(import.meta.url).resolve("@pulumi/command/package.json");
  const { version } = JSON.parse(readFileSync(path, "utf8")) as { version: string };
  return version.replace(/^v/, "");
}
