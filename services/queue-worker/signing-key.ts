/** The key that callbacks are signed with, out of a file of a mounted Secret. */
import { readFileSync } from "node:fs";
import { MIN_SIGNING_KEY_BYTES } from "../../contract/queue/index.ts";
import { ConfigError } from "../lib/config.ts";

/**
 * The key as it is now, as Kubernetes renews the files of a Secret, without the line end that
 * editors write. Throws a ConfigError for one that is too short, and the system's error.
 */
export function readSigningKey(path: string): Buffer {
  const content = readFileSync(path);
  const lineEnd = /\r?\n$/.exec(content.toString("latin1"))?.[0].length ?? 0;
  const key = content.subarray(0, content.length - lineEnd);
  if (key.length < MIN_SIGNING_KEY_BYTES) {
    throw new ConfigError(
      `callback_key_path: expected a file with at least ${MIN_SIGNING_KEY_BYTES} bytes, got ${key.length}`,
    );
  }
  return key;
}
