/** Basic authentication. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BasicAuth } from "../../../services/gateway/auth.ts";
import { createKeptLog } from "../../support/logs.ts";

const directory = mkdtempSync(join(tmpdir(), "plonk-auth-"));
const { logger, text } = createKeptLog();

function write(user: string, password: string): void {
  writeFileSync(join(directory, "basic-auth-user"), user);
  writeFileSync(join(directory, "basic-auth-password"), password);
}

function header(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

beforeEach(() => write("admin\n", "pass:word\n"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("BasicAuth", () => {
  test("accepts the user and the password without their line ends", () => {
    expect(new BasicAuth(directory, logger).accepts(header("admin", "pass:word"))).toBe(true);
  });

  test("takes the scheme in any case (RFC 9110 section 11.1)", () => {
    const lower = header("admin", "pass:word").replace("Basic", "bAsIc");
    expect(new BasicAuth(directory, logger).accepts(lower)).toBe(true);
  });

  test.each([
    ["nothing", undefined],
    ["an empty header", ""],
    ["another scheme", "Bearer abc"],
    ["no colon", `Basic ${Buffer.from("adminpass:word".replace(":", "")).toString("base64")}`],
    ["a wrong password", header("admin", "pass:wor")],
    ["a wrong user", header("Admin", "pass:word")],
    ["a colon that is gone", header("admin", "password").replace(":", "")],
    ["nobody", header("", "")],
  ])("refuses %s", (_what, value) => {
    expect(new BasicAuth(directory, logger).accepts(value)).toBe(false);
  });

  test("refuses everything but the one pair", () => {
    const auth = new BasicAuth(directory, logger);
    fc.assert(
      fc.property(fc.string(), fc.string(), (user, password) => {
        fc.pre(`${user}:${password}` !== "admin:pass:word");
        expect(auth.accepts(header(user, password))).toBe(false);
      }),
    );
  });

  test("takes over new credentials, and keeps the old ones while there are none", async () => {
    const auth = new BasicAuth(directory, logger);
    write("admin", "new-canary");
    await sleep(1050);
    expect(auth.accepts(header("admin", "new-canary"))).toBe(true);
    expect(auth.accepts(header("admin", "pass:word"))).toBe(false);
    write("admin", "");
    await sleep(1050);
    expect(auth.accepts(header("admin", "new-canary"))).toBe(true);
    expect(text()).toContain("credentials not readable");
    expect(text()).not.toContain("new-canary");
  });

  test("does not start without credentials, and names the file", () => {
    expect(() => new BasicAuth(join(directory, "none"), logger)).toThrow(/basic-auth-user/);
    write("admin", "\n");
    expect(() => new BasicAuth(directory, logger)).toThrow(
      /basic-auth-password: expected a value, got an empty file/,
    );
  });
});
