/** What is missing is said before anything is downloaded, a line each. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { checkMachine, isOnThisMachine } from "../../cli/preflight.ts";

const PROGRAMS = ["ip", "mount", "umount", "nsenter", "unshare", "setsid", "flock", "tar"];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plonk-preflight-"));
  for (const name of PROGRAMS) {
    writeFileSync(join(folder, name), "", { mode: 0o755 });
  }
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("takes a machine that has everything", () => {
  checkMachine({ userId: 0, platform: "linux", path: `:${folder}` });
  expect(isOnThisMachine([], join(folder, "none"))).toBe(true);
});

it("names all that is missing", () => {
  rmSync(join(folder, "ip"));
  writeFileSync(join(folder, "flock"), "", { mode: 0o755 });
  rmSync(join(folder, "unshare"));
  expect(() => checkMachine({ userId: 1000, platform: "darwin", path: folder })).toThrow(
    [
      "system: expected linux, got darwin",
      "user: expected root, to run a cluster here, got user id 1000",
      "ip: not found, it is in the package iproute2",
      "unshare: not found, it is in the package util-linux",
    ].join("\n"),
  );
});

it("asks nothing of this machine for a cluster that is elsewhere", () => {
  const file = join(folder, "Pulumi.x.yaml");
  writeFileSync(file, "config:\n  plonk:target: existing\n");
  expect(isOnThisMachine([], file)).toBe(false);
  expect(isOnThisMachine(["plonk:target=local"], file)).toBe(true);
  expect(isOnThisMachine(["plonk:target=existing"], join(folder, "none"))).toBe(false);
});
