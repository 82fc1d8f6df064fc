/** The file with the key of callbacks' signatures. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ConfigError } from "../../../services/lib/config.ts";
import { readSigningKey } from "../../../services/queue-worker/signing-key.ts";
import { collectCleanups } from "../../support/cleanup.ts";

const atEnd = collectCleanups(afterEach);

function write(content: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), "plonk-key-"));
  atEnd(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "key");
  writeFileSync(path, content);
  return path;
}

describe("a signing key", () => {
  const text = "0123456789abcdef";

  test.each([
    ["as it is", text, text],
    ["without the line end", `${text}\n`, text],
    ["without one of Windows", `${text}\r\n`, text],
    ["with all further ones", `${text}\n\n`, `${text}\n`],
  ])("is read %s", (_how, content, key) => {
    expect(readSigningKey(write(content)).toString()).toBe(key);
  });

  test("may be of any bytes", () => {
    const bytes = Buffer.from([...Array(16).keys()].map((it) => 255 - it));
    expect(readSigningKey(write(bytes))).toEqual(bytes);
  });

  test("is refused when it is too short, and nothing of it is shown", () => {
    const error = new ConfigError(
      "callback_key_path: expected a file with at least 16 bytes, got 15",
    );
    expect(() => readSigningKey(write(`${text.slice(1)}\n`))).toThrow(error);
  });

  test("fails with the system's error where there is none", () => {
    expect(() => readSigningKey("/nowhere/key")).toThrow(/^ENOENT/);
  });
});
