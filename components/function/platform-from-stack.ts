/** The platform of another stack, for functions in this one. */
import * as pulumi from "@pulumi/pulumi";
import { Type } from "typebox";
import { Check } from "typebox/schema";
import { createProvider } from "../cluster/provider.ts";
import { ArgumentChecks, ArgumentError } from "../errors.ts";
import type { PlatformReference } from "./args.ts";

/** What `Platform.reference` is to the stack that exports it. */
export interface ExportedPlatform {
  /** Address of the gateway, without a trailing slash. */
  gatewayUrl: string;
  /** Namespace of the functions. */
  functionNamespace: string;
  /** Image reference of the Node runtime that functions with `code` run in. */
  runtimeImage: string;
  /** Queues beside the usual one. @default none */
  queueNames?: string[];
  /** Profiles that functions may name. @default none */
  functionProfileNames?: string[];
  /** Content of a kubeconfig file. Secret. */
  kubeconfig: string;
  /** Changes when it is another cluster. */
  clusterIdentity: string;
}

type TextField = Exclude<keyof ExportedPlatform, "queueNames" | "functionProfileNames">;

const EXPORTED = Type.Object({
  gatewayUrl: Type.String(),
  functionNamespace: Type.String(),
  runtimeImage: Type.String(),
  queueNames: Type.Optional(Type.Array(Type.String())),
  functionProfileNames: Type.Optional(Type.Array(Type.String())),
  kubeconfig: Type.String(),
  clusterIdentity: Type.String(),
});

/** Options of `platformFromStack`. */
export interface PlatformFromStackOptions {
  /** Name of the output that holds the other stack's `Platform.reference`. @default "platform" */
  output?: string;
}

/**
 * Returns the platform of another stack, its cluster's provider included, for `Function`,
 * `CallbackFunction` and `FunctionSecret`. That stack exports it by one line:
 * `export const platform = plonk.reference;`. The stack of `npm run up` does.
 *
 * @param stack full name of the other stack, `<organization>/<project>/<stack>`; with a backend of
 *   one's own the organization is `organization`
 *   (a stack without such an output is refused)
 *
 * @example
 * const platform = platformFromStack("acme/platform/prod");
 * new Function("markdown", { platform, code: import.meta.resolve("./markdown.ts") });
 */
export function platformFromStack(
  stack: string,
  { output = "platform" }: PlatformFromStackOptions = {},
): PlatformReference {
  const reference = new pulumi.StackReference(stack);
  const checks = new ArgumentChecks(reference);
  const found: pulumi.Output<unknown> = reference.getOutput(output);
  const exported = checks.applyAsync(found, (value) => check(value, `output ${output}`));
  // The kubeconfig makes the whole output secret, but the other parts of it are none.
  const read = (field: TextField): pulumi.Output<string> =>
    pulumi.unsecret(exported.apply((known) => known[field]));
  const readNames = (field: Exclude<keyof ExportedPlatform, TextField>): pulumi.Output<string[]> =>
    pulumi.unsecret(exported.apply((known) => known[field] ?? []));
  const kubeconfig = pulumi.secret(exported.apply((known) => known.kubeconfig));
  const identity = read("clusterIdentity");
  const provider = createProvider(stack, { kubeconfig, identity }, { dependsOn: checks.passed });
  const platform = {
    gatewayUrl: read("gatewayUrl"),
    functionNamespace: read("functionNamespace"),
    runtimeImage: read("runtimeImage"),
    queueNames: readNames("queueNames"),
    functionProfileNames: readNames("functionProfileNames"),
    // The cluster is not this stack's, and outlives it.
    cluster: { provider, deletedWith: undefined },
  };
  return platform;
}

/** It comes late, so its refusal is reported as one of asynchronous checks. */
function check(value: unknown, field: string): Promise<ExportedPlatform> {
  if (Check(EXPORTED, value)) {
    return Promise.resolve(value);
  }
  // Not its value: what is there instead may be a secret.
  const got = value === undefined ? "none" : "something else";
  const reason = `${field}: expected the \`reference\` of a Platform, got ${got}`;
  return Promise.reject(new ArgumentError(reason));
}
