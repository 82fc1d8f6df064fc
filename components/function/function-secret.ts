/** `FunctionSecret`: a secret that functions mount as a file. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { LABEL } from "../../contract/index.ts";
import { ArgumentChecks } from "../errors.ts";
import type { PlatformReference } from "./args.ts";
import { checkOwnName, toComponentOptions, toNamespace, toObjectOptions } from "./create.ts";
import { dropEmptyTexts } from "./empty-texts.ts";
import { checkSecretName } from "./validation.ts";

/** Arguments of `FunctionSecret`. */
export interface FunctionSecretArgs {
  /** The platform whose functions may mount it. */
  platform: PlatformReference;
  /** Content of the file. Kept secret. */
  value: pulumi.Input<string>;
  /** Name of the secret and of its file. @default the logical name */
  name?: pulumi.Input<string>;
  /** Namespace. @default the platform's namespace for functions */
  namespace?: pulumi.Input<string>;
}

/**
 * A secret for functions, a file `/var/openfaas/secrets/<name>` in those that list it.
 *
 * @example
 * const key = new FunctionSecret("api-key", { platform, value: config.requireSecret("apiKey") });
 * new Function("pay", { platform, code: "./pay.ts", secrets: [key.name] });
 */
export class FunctionSecret extends pulumi.ComponentResource {
  /** Name for the `secrets` of a function. Known when the secret exists. */
  public readonly name: pulumi.Output<string>;
  /** What is underneath. @internal */
  public readonly nodes: { secret: k8s.core.v1.Secret };

  constructor(name: string, args: FunctionSecretArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:FunctionSecret", name, {}, toComponentOptions(args.platform, opts));
    const { platform } = args;
    const options = toObjectOptions(this, platform);
    const checks = new ArgumentChecks(this);
    const secretName = checks.apply(args.name ?? name, checkSecretName);
    const namespace = toNamespace(checks, args);
    const object = {
      kind: "secret",
      logicalName: name,
      args: dropEmptyTexts(args),
      name: secretName,
      namespace,
    } as const;
    checkOwnName(checks, { resource: this, ...object });
    const secret = new k8s.core.v1.Secret(
      `${name}-secret`,
      {
        metadata: {
          name: secretName,
          namespace,
          labels: { [LABEL.secretManagedBy]: "pulumi" },
        },
        type: "Opaque",
        data: toData(secretName, args.value),
      },
      { ...options, dependsOn: checks.passed },
    );
    this.name = secret.metadata.name;
    this.nodes = { secret };
    this.registerOutputs({ name: this.name });
  }
}

/** One key, named like the secret, as `faas-cli secret create` writes it. */
function toData(
  name: pulumi.Output<string>,
  value: pulumi.Input<string>,
): pulumi.Output<Record<string, string>> {
  return pulumi
    .all([name, pulumi.secret(value)])
    .apply(([key, text]) => ({ [key]: Buffer.from(text).toString("base64") }));
}
