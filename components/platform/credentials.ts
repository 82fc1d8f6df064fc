/** The user name and password of the gateway's REST API. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PlatformContext } from "./context.ts";
import { toMetadata } from "./pods.ts";

/** The credentials, and the Secret `basic-auth` that holds them. */
export interface Credentials {
  user: pulumi.Output<string>;
  password: pulumi.Output<string>;
  secretName: pulumi.Output<string>;
  /** Changes with the Secret, so that pods which read it at their start are replaced. */
  revision: pulumi.Output<string>;
}

/** Creates the Secret `basic-auth` under the keys that OpenFaaS' own charts use. */
export function createCredentials(
  context: PlatformContext,
  args: { user: pulumi.Input<string>; password: pulumi.Input<string> },
): Credentials {
  const user = pulumi.output(args.user);
  const password = pulumi.secret(args.password);
  const secret = new k8s.core.v1.Secret(
    `${context.name}-basic-auth`,
    {
      metadata: toMetadata("gateway", context.namespace, "basic-auth"),
      type: "Opaque",
      data: {
        "basic-auth-user": user.apply(toBase64),
        "basic-auth-password": password.apply(toBase64),
      },
    },
    context.options,
  );
  const { name, resourceVersion } = secret.metadata;
  return { user, password, secretName: name, revision: resourceVersion };
}

function toBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}
