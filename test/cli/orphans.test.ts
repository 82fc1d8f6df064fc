/** Ending what a killed pulumi has left, with real processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { endOrphans } from "../../cli/orphans.ts";

let folder: string;
let backend: string;
let children: ChildProcess[] = [];

/** A shell under another name, which waits until it is ended. */
function start(name: string, url: string, script = "read line"): ChildProcess {
  const child = spawn(join(folder, name), ["-c", script], {
    env: { PULUMI_BACKEND_URL: url, PATH: process.env["PATH"] },
    stdio: ["pipe", "pipe", "ignore"],
  });
  children.push(child);
  return child;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "plonk-orphans-"));
  backend = `file://${folder}/state`;
  for (const name of ["pulumi", "pulumi-language-nodejs"]) {
    copyFileSync("/bin/sh", join(folder, name));
  }
});

afterAll(() => {
  for (const child of children) {
    child.kill("SIGKILL");
  }
  children = [];
  rmSync(folder, { recursive: true, force: true });
});

describe("endOrphans", () => {
  it("ends a language host whose pulumi is gone", async () => {
    const host = start("pulumi-language-nodejs", backend);
    await once(host, "spawn");
    expect(endOrphans(backend)).toBe(1);
    const [, signal] = (await once(host, "exit")) as [number | null, string | null];
    expect(signal).toBe("SIGKILL");
  });

  it("leaves the language host of a running pulumi, and those of other backends", async () => {
    const other = start("pulumi-language-nodejs", "file:///elsewhere");
    const host = `${folder}/pulumi-language-nodejs -c 'echo ready; read line'; true`;
    const engine = start("pulumi", backend, host);
    await once(engine.stdout ?? engine, "data");
    expect(endOrphans(backend)).toBe(0);
    expect([other.exitCode, other.signalCode, engine.exitCode]).toEqual([null, null, null]);
  });
});
