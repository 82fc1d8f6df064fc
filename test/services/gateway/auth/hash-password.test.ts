/** The command that hashes a password for a hand-written `users.yaml`. */
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { parsePasswordHash, verifyPassword } from "../../../../contract/password-hash.ts";

jest.setTimeout(60_000);

const script = join(import.meta.dirname, "../../../../services/gateway/auth/hash-password.ts");

function hash(input: string): string {
  return execFileSync(process.execPath, [script], { input, encoding: "utf8" });
}

test("prints a hash that the gateway takes, with another salt each time", async () => {
  const [first, second] = [hash("pass word\n"), hash("pass word")];
  expect(first).not.toBe(second);
  for (const line of [first, second]) {
    const parsed = parsePasswordHash(line.trimEnd());
    expect(parsed && (await verifyPassword("pass word", parsed))).toBe(true);
  }
});

test("asks for a password when there is none", () => {
  const { status, stderr } = spawnSync(process.execPath, [script], { input: "\n" });
  expect([status, stderr.toString()]).toEqual([
    1,
    expect.stringContaining("password: expected one on standard input, got nothing"),
  ]);
});
