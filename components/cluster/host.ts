/** Runs commands on a host, independent of the kind of connection. */
import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { ArgumentError } from "../errors.ts";

/** A host that is reached over SSH. Not supported yet: `K3sCluster` refuses it. */
export interface SshConnection {
  /** Name or address. */
  host: pulumi.Input<string>;
  /** @default 22 */
  port?: pulumi.Input<number>;
  /** User; must be root or able to become root without a password. @default "root" */
  user?: pulumi.Input<string>;
  /** Private key, PEM. Secret. */
  privateKey?: pulumi.Input<string>;
}

/** Where commands run: exactly one field is set. */
export interface HostConnection {
  /** The machine that runs the program. */
  local?: boolean;
  /** Another machine. Not supported yet. */
  ssh?: SshConnection;
}

/** A step on a host: idempotent POSIX sh commands for its life cycle. */
export interface HostStep {
  /** Run when the step is created, and when any field has changed. */
  create: pulumi.Input<string>;
  /** Run when the step is deleted. @default nothing */
  delete?: pulumi.Input<string>;
  /** Standard input of the commands. @default none */
  stdin?: pulumi.Input<string>;
  /** Added to the environment of the commands. @default nothing */
  environment?: Record<string, pulumi.Input<string>>;
  /** A change of any of these values replaces the step. @default [] */
  triggers?: pulumi.Input<string>[];
  /**
   * Whether standard output is secret: then it is neither shown nor stored in plain text. Standard
   * error is always shown. @default false
   */
  isOutputSecret?: boolean;
  /**
   * Whether commands and environment are unknown in this preview, and are assumed to stay
   * unchanged. @default false
   */
  isKept?: boolean;
}

/** Refuses a connection that cannot be used. @throws ArgumentError */
export function checkConnection(field: string, connection: HostConnection): void {
  if (connection.ssh) {
    const { host } = connection.ssh;
    throw new ArgumentError(
      `${field}.ssh: hosts over SSH come later, only { local: true } is possible now, ` +
        `got ${typeof host === "string" ? `host "${host}"` : "a host that an output names"}`,
    );
  }
  if (connection.local !== true) {
    throw new ArgumentError(`${field}.local: expected true, got ${String(connection.local)}`);
  }
}

/** The resource that runs a step; its `stdout` is the last output of `create`. */
export interface HostCommand extends pulumi.Resource {
  stdout: pulumi.Output<string>;
  environment: pulumi.Output<Record<string, string> | undefined>;
}

/** Host and resource options of a step. */
export interface HostOptions {
  connection: HostConnection;
  options: pulumi.CustomResourceOptions;
}

const KEPT = ["create", "delete", "environment"];

/** Declares a step on a host. */
export function run(name: string, place: HostOptions, step: HostStep): HostCommand {
  // `remote.Command` for a connection over SSH is to be chosen here.
  const { isOutputSecret = false, isKept = false, ...commands } = step;
  return new local.Command(
    name,
    {
      ...commands,
      logging: isOutputSecret ? "stderr" : "stdoutAndStderr",
      // The steps do not read it, and it may contain a kubeconfig.
      addPreviousOutputInEnv: false,
    },
    {
      ...place.options,
      ...(isOutputSecret && { additionalSecretOutputs: ["stdout"] }),
      ...(isKept && {
        ignoreChanges: [...KEPT, ...(commands.stdin === undefined ? ["stdin"] : [])],
      }),
    },
  );
}
