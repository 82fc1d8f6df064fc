/** The stack's configuration: one line for what is wrong, and one truth about defaults. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { RunError } from "@pulumi/pulumi";
import { parse } from "yaml";
import { checkSettings, checkUsers, DEFAULTS, TARGETS } from "../../stacks/config.ts";

const root = join(import.meta.dirname, "../..");

interface ConfigEntry {
  type: string;
  default?: unknown;
  description: string;
  secret?: boolean;
}

function readProject(): Record<string, ConfigEntry> {
  const text = readFileSync(join(root, "Pulumi.yaml"), "utf8");
  return (parse(text) as { config: Record<string, ConfigEntry> }).config;
}

describe("settings", () => {
  it("are taken as they are by default", () => {
    expect(checkSettings(DEFAULTS)).toEqual(DEFAULTS);
  });

  it.each([
    ["target", "nowhere", 'plonk:target: expected one of local, existing, got "nowhere"'],
    ["profile", "huge", 'plonk:profile: expected one of standard, edge, got "huge"'],
    ["adminUser", "a:b", 'plonk:adminUser: expected a name without colons and spaces, got "a:b"'],
    ["registries", "r.yaml", 'plonk:registries: expected an absolute path, got "r.yaml"'],
    ["egress", "yes", 'plonk:egress: expected nat or none, got "yes"'],
    [
      "subnet",
      "10.0.0.0/24",
      'plonk:subnet: expected a /24 of 198.18.0.0/15, e.g. 198.18.0.0/24, got "10.0.0.0/24"',
    ],
    [
      "clusterName",
      "My Cluster",
      'plonk:clusterName: expected 1 to 32 lower-case letters, digits and hyphens, got "My Cluster"',
    ],
    [
      "gatewayUrl",
      "https://x/",
      'plonk:gatewayUrl: expected an http(s) URL without a slash at its end, got "https://x/"',
    ],
    ["examples", "maybe", 'plonk:examples: expected true or false, got "maybe"'],
  ])("refuses a wrong %s in one line without a stack trace", (key, value, message) => {
    const check = () => checkSettings({ ...DEFAULTS, [key]: value });
    expect(check).toThrow(new RunError(message));
    expect(check).toThrow(RunError);
  });
});

describe("users", () => {
  const users = [{ name: "ci", password: "hunter2", role: "deployer", namespaces: ["a"] }];

  it("are read from JSON", () => {
    expect(checkUsers(JSON.stringify(users))).toEqual(users);
  });

  it.each([
    ['[{"name": "ci", "password": "hunter2"'],
    ['{"name": "ci", "password": "hunter2", "role": "admin"}'],
    ['[{"name": "ci", "password": "hunter2"}]'],
    ['[{"name": "ci", "password": "hunter2", "role": "admin", "roles": 1}]'],
    ["hunter2"],
  ])("are refused as %s in one line that shows no password", (text) => {
    const check = () => checkUsers(text);
    expect(check).toThrow(RunError);
    expect(check).toThrow(/^plonk:users: expected JSON such as \[\{"name"(?!.*hunter2)[^\n]*$/);
  });
});

describe("Pulumi.yaml", () => {
  it("declares each setting with the type and default that the program has", () => {
    const { adminPassword, users, ...others } = readProject();
    const declared = Object.entries(others).map(([key, entry]) => [key, entry.default]);
    expect(Object.fromEntries(declared)).toEqual(DEFAULTS);
    for (const [key, { type }] of Object.entries(others)) {
      expect([key, type]).toEqual([key, typeof DEFAULTS[key as keyof typeof DEFAULTS]]);
    }
    expect(adminPassword).toMatchObject({ type: "string", secret: true });
    // Pulumi takes no default for what it knows to be secret.
    expect(users).toMatchObject({ type: "string", default: "[]" });
    expect(checkUsers("[]")).toEqual([]);
  });

  it("names every target in its description, and describes every setting", () => {
    const project = readProject();
    for (const target of TARGETS) {
      expect(project["target"]?.description).toContain(`\`${target}\``);
    }
    for (const { description } of Object.values(project)) {
      expect(description).not.toBe("");
    }
  });

  it.each(TARGETS.map((target) => [target]))("has an example file for the target %s", (target) => {
    const text = readFileSync(join(root, "stacks", `Pulumi.${target}.example.yaml`), "utf8");
    expect(parse(text)).toMatchObject({ config: { "plonk:target": target } });
  });
});
