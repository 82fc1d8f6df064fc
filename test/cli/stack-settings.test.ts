/** What `up` takes for chosen by the person. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readKnown } from "../../cli/stack-settings.ts";
import { acquire } from "../../toolchain/acquire.ts";

const folder = mkdtempSync(join(tmpdir(), "plonk-settings-"));
const PROJECT = `name: made-up
runtime: nodejs
stackConfigDir: stacks
config:
  egress: { type: string, default: none }
  subnet: { type: string, default: 198.18.0.0/24 }
`;
let pulumi: string;

beforeAll(async () => {
  pulumi = (await acquire("pulumi")).path;
  mkdirSync(join(folder, "stacks"));
  writeFileSync(join(folder, "Pulumi.yaml"), PROJECT);
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true }));

function run(...args: string[]): void {
  const env = {
    PATH: `${dirname(pulumi)}:${process.env["PATH"] ?? ""}`,
    HOME: folder,
    PULUMI_HOME: join(folder, "home"),
    PULUMI_BACKEND_URL: `file://${folder}`,
    PULUMI_CONFIG_PASSPHRASE: "secret",
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  execFileSync(pulumi, [...args, "--stack", "dev"], { cwd: folder, env });
}

describe("the settings of a stack", () => {
  it("are those that somebody has set, and not the project's defaults", async () => {
    const file = join(folder, "stacks", "Pulumi.dev.yaml");
    expect(await readKnown(file)).toEqual({});
    run("stack", "init");
    expect(await readKnown(file)).toEqual({});
    run("config", "set", "made-up:egress", "nat");
    run("config", "set", "--secret", "made-up:password", "hunter2");
    expect(await readKnown(file)).toEqual({
      "made-up:egress": "nat",
      "made-up:password": { secure: expect.any(String) },
    });
  });
});
