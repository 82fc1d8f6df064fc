/** The file about registries: passed on as it is, or refused in one line. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { RunError } from "@pulumi/pulumi";
import { loadRegistries } from "../../../stacks/targets/registries.ts";

const folder = mkdtempSync(join(tmpdir(), "plonk-registries-"));
const file = join(folder, "registries.yaml");

afterAll(() => rmSync(folder, { recursive: true }));

function load(text: string): string {
  writeFileSync(file, text);
  return loadRegistries(file);
}

describe("the file about registries", () => {
  it.each([
    ["mirrors", "# ours\nmirrors:\n  docker.io: {endpoint: ['https://mirror.example']}\n"],
    ["logins", "---\nconfigs: {r.example: {auth: {username: a, password: hunter2}}}"],
  ])("is passed on as it is with %s", (_what, text) => {
    expect(load(text)).toBe(text);
  });

  it.each([
    ["", "something else"],
    ["hunter2", "something else"],
    ["[hunter2]", "something else"],
    ["configs: {hunter2", "something else"],
    ["configs: {}\n---\nmirrors: {}\n", "something else"],
    ["mirror: {r.example: hunter2}", '"mirror"'],
  ])("is refused as %j, without a word of it", (text, got) => {
    const message = `plonk:registries: expected YAML with mirrors and configs in ${file}, got ${got}`;
    expect(() => load(text)).toThrow(new RunError(message));
  });

  it("is named where it is missing", () => {
    const path = join(folder, "none");
    const message = `plonk:registries: expected a file at ${path}, got ENOENT`;
    expect(() => loadRegistries(path)).toThrow(new RunError(message));
  });
});
