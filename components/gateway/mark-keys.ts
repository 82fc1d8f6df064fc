/** The keys by which gateways mark queued calls of private functions: Secrets that stay. */
import { randomBytes } from "node:crypto";
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { MARK_KEY_FILE } from "../../contract/environment/index.ts";
import type { ServerAccess } from "../kubernetes/server-access.ts";
import { createSecret, type PartContext, toBase64 } from "../kubernetes/workloads.ts";

const FOLDER = "/var/secrets/queue";
const KEY = "key";
const VOLUME = "queue-keys";

/**
 * Creates the Secret of a number, and that of the number before, which is there already unless the
 * platform begins with another number than 1. A program draws other keys each time it runs: those
 * of the run that makes a Secret stay.
 *
 * @param revision the number; marks that were made under the one before are still read
 */
export function createMarkKeys(context: PartContext, revision: number): ServerAccess {
  const sources = [
    toSource(createKey(context, revision), MARK_KEY_FILE.current),
    ...(revision > 1 ? [toSource(createKey(context, revision - 1), MARK_KEY_FILE.previous)] : []),
  ];
  return {
    variables: { queue_secret_path: FOLDER },
    volumeMounts: [{ name: VOLUME, mountPath: FOLDER, readOnly: true }],
    volumes: [{ name: VOLUME, projected: { sources } }],
    passed: pulumi.output([]),
  };
}

function createKey(context: PartContext, revision: number): k8s.core.v1.Secret {
  const text = pulumi.secret(randomBytes(32).toString("base64url"));
  return createSecret(context, "gateway", {
    name: `gateway-queue-key${revision === 1 ? "" : `-${revision}`}`,
    data: { [KEY]: text.apply(toBase64) },
    options: { ignoreChanges: ["data"] },
  });
}

function toSource(
  { metadata }: k8s.core.v1.Secret,
  path: string,
): k8s.types.input.core.v1.VolumeProjection {
  return { secret: { name: metadata.name, items: [{ key: KEY, path }] } };
}
