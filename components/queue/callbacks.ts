/** What the queue-worker is told of callbacks, and the Secret with the key that signs them. */
import * as pulumi from "@pulumi/pulumi";
import { MIN_SIGNING_KEY_BYTES } from "../../contract/queue/index.ts";
import { ArgumentChecks, ArgumentError } from "../errors.ts";
import { checkHosts, toAllowed } from "../kubernetes/callback-hosts.ts";
import type { ServerAccess } from "../kubernetes/server-access.ts";
import { createSecret, type PartContext, toBase64 } from "../kubernetes/workloads.ts";
import { checkNumbers, type NumberRules } from "../numbers.ts";
import type { QueueCallbacks } from "./settings.ts";

const FOLDER = "/var/secrets/callbacks";
const KEY_FILE = "key";

const NUMBERS: NumberRules<QueueCallbacks> = { timeoutSeconds: {}, retryHours: {} };

/**
 * Refuses what is wrong as far as it is known, and returns the rest.
 *
 * @param prefix what stands before the names of the fields, e.g. `queue.callbacks.`
 */
export function checkCallbacks(
  checks: ArgumentChecks,
  prefix: string,
  callbacks: QueueCallbacks,
): QueueCallbacks {
  const { allow, signingKey } = callbacks;
  if (typeof signingKey === "string") {
    checkKey(`${prefix}signingKey`, signingKey);
  }
  return {
    ...checkNumbers(checks, { prefix, rules: NUMBERS }, callbacks),
    ...(allow && { allow: checkHosts(checks, `${prefix}allow`, allow) }),
  };
}

function checkKey(field: string, key: string): string {
  const bytes = Buffer.byteLength(key);
  if (bytes < MIN_SIGNING_KEY_BYTES) {
    throw new ArgumentError(
      `${field}: expected at least ${MIN_SIGNING_KEY_BYTES} bytes, got ${bytes}`,
    );
  }
  return key;
}

/** Creates the Secret `queue-worker-callback-key` where there is a key, and says where it is. */
export function createCallbackAccess(
  context: PartContext,
  { allow, signingKey, timeoutSeconds, retryHours }: QueueCallbacks,
): ServerAccess {
  const checks = new ArgumentChecks(context.part);
  const variables = {
    ...toAllowed(allow),
    ...(timeoutSeconds !== undefined && {
      callback_timeout: pulumi.interpolate`${timeoutSeconds}s`,
    }),
    ...(retryHours !== undefined && { callback_max_age: pulumi.interpolate`${retryHours}h` }),
  };
  if (signingKey === undefined) {
    return { variables, volumeMounts: [], volumes: [], passed: checks.passed };
  }
  const key = checks.apply(pulumi.secret(signingKey), (known) =>
    checkKey("callbacks.signingKey", known),
  );
  const { passed } = checks;
  const name = "queue-worker-callback-key";
  const secret = createSecret(context, "queue-worker", {
    name,
    data: { [KEY_FILE]: key.apply(toBase64) },
    options: { dependsOn: passed },
  });
  const volume = "callback-key";
  return {
    passed,
    variables: { ...variables, callback_key_path: `${FOLDER}/${KEY_FILE}` },
    volumeMounts: [{ name: volume, mountPath: FOLDER, readOnly: true }],
    volumes: [{ name: volume, secret: { secretName: secret.metadata.name } }],
  };
}
