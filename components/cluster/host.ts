/** How commands reach a host: one way for all steps, whatever the connection is. */
import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { ArgumentError } from "../errors.ts";

/** A host that is reached over SSH. Comes later: `K3sCluster` refuses it for now. */
export interface SshConnection {
  /** Name or address. */
  host: string;
  /** @default 22 */
  port?: number;
  /** User; must be root or able to become root without a password. @default "root" */
  user?: string;
  /** Private key, PEM. Secret. */
  privateKey?: pulumi.Input<string>;
}

/** Where commands run: exactly one of the fields. */
export interface HostConnection {
  /** The machine that runs the program. */
  local?: boolean;
  /** Another machine. Comes later. */
  ssh?: SshConnection;
}

/** One step on a host: POSIX sh commands for its life, all of them safe to run twice. */
export interface HostStep {
  /** Run when the step is new, and again when anything here has changed. */
  create: pulumi.Input<string>;
  /** Run when the step goes. @default nothing */
  delete?: pulumi.Input<string>;
  /** Standard input of the commands. @default none */
  stdin?: pulumi.Input<string>;
  /** Added to the environment of the commands. @default nothing */
  environment?: Record<string, pulumi.Input<string>>;
  /** What the step belongs to: when one of these changes, it is another step. @default [] */
  triggers?: pulumi.Input<string>[];
  /**
   * Whether standard output may be seen: it is neither shown nor kept in plain text otherwise.
   * Standard error is always shown. @default false
   */
  isOutputSecret?: boolean;
  /**
   * Whether commands and environment cannot be known in this preview, and are taken to stay what
   * they are. @default false
   */
  isKept?: boolean;
}

/** Refuses a connection that cannot be used. @throws ArgumentError */
export function checkConnection(field: string, connection: HostConnection): void {
  if (connection.ssh) {
    throw new ArgumentError(
      `${field}.ssh: hosts over SSH come later, only { local: true } is possible now, ` +
        `got host "${connection.ssh.host}"`,
    );
  }
  if (connection.local !== true) {
    throw new ArgumentError(`${field}.local: must be true, got ${String(connection.local)}`);
  }
}

/** The resource that runs a step; its `stdout` is the last output of `create`. */
export interface HostCommand extends pulumi.Resource {
  stdout: pulumi.Output<string>;
  environment: pulumi.Output<Record<string, string> | undefined>;
}

/** Where and under which options a step is declared. */
export interface HostPlace {
  connection: HostConnection;
  options: pulumi.CustomResourceOptions;
}

const KEPT = ["create", "delete", "environment"];

/** Declares a step on a host. */
export function run(name: string, place: HostPlace, step: HostStep): HostCommand {
  // The one place that will choose `remote.Command` for a connection over SSH.
  const { isOutputSecret = false, isKept = false, ...commands } = step;
  return new local.Command(
    name,
    {
      ...commands,
      logging: isOutputSecret ? "stderr" : "stdoutAndStderr",
      // The steps do not read it, and a kubeconfig has no place in an environment.
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
