/** The stack's configuration: one line for what is wrong, and one truth about defaults. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { RunError } from "@pulumi/pulumi";
import { parse } from "yaml";
import { CALLBACK_HOST_EXPECTATION } from "../../contract/queue/index.ts";
import { declarations, WRITTEN } from "../../scripts/settings.ts";
import {
  checkCallbackAllow,
  checkSettings,
  checkUsers,
  COMMON,
  declareTarget,
  defineTarget,
  SECRETS,
  toDefaults,
} from "../../stacks/config.ts";
import { flag, text } from "../../stacks/settings.ts";
import { TARGETS } from "../../stacks/targets.ts";

const root = join(import.meta.dirname, "../..");

const ALL = { ...COMMON, ...TARGETS.local.settings, ...TARGETS.existing.settings };
const DEFAULTS = toDefaults(ALL);

describe("settings", () => {
  it("are taken as they are by default", () => {
    expect(checkSettings(ALL, DEFAULTS)).toEqual(DEFAULTS);
  });

  it.each([
    ["profile", "huge", 'plonk:profile: expected one of standard, edge, got "huge"'],
    ["adminUser", "a:b", 'plonk:adminUser: expected a name without colons and spaces, got "a:b"'],
    ["registries", "r.yaml", 'plonk:registries: expected an absolute path, got "r.yaml"'],
    ["egress", "yes", 'plonk:egress: expected one of nat, none, got "yes"'],
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
    const check = () => checkSettings(ALL, { ...DEFAULTS, [key]: value });
    expect(check).toThrow(new RunError(message));
    expect(check).toThrow(RunError);
  });
});

describe("hosts of callbacks", () => {
  it("are taken as gateway and queue-worker take them", () => {
    const lists = ["", "10.0.0.0/8, *.example.com fd00::1,receiver"];
    expect(() => lists.forEach(checkCallbackAllow)).not.toThrow();
  });

  it("are refused in one line that names the first wrong one", () => {
    const check = () => checkCallbackAllow("10.0.0.0/8, 1.2.3, http://a");
    expect(check).toThrow(RunError);
    expect(check).toThrow(
      "plonk:callbackAllow: expected an address, a range such as 10.0.0.0/8, or a host name such " +
        'as a.example.com or *.example.com, got "1.2.3"',
    );
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

describe("what people read", () => {
  it.each(Object.entries(WRITTEN))("is in %s as the program has it", (name, write) => {
    const text = readFileSync(join(root, name), "utf8");
    expect(text).toBe(write(text));
  });

  it("has each key once, of every target", () => {
    const keys = Object.values(TARGETS).flatMap(({ settings }) => Object.keys(settings));
    const all = ["target", ...Object.keys(SECRETS), ...Object.keys(COMMON), ...keys];
    expect(Object.keys(declarations()).sort()).toEqual(all.sort());
    expect(new Set(all).size).toBe(all.length);
  });

  it.each(Object.keys(TARGETS))("has an example file for the target %s", (target) => {
    const text = readFileSync(join(root, "stacks", `Pulumi.${target}.example.yaml`), "utf8");
    expect(parse(text)).toMatchObject({ config: { "plonk:target": target } });
  });
});

describe("the target", () => {
  const declared: unknown[] = [];
  const targets = {
    local: defineTarget({
      description: "here",
      settings: {
        subnet: text({ default: "a", description: "", expected: "x", pattern: "^[ab]$" }),
      },
      declare: (config) => Promise.resolve(declared.push(config)),
    }),
    other: defineTarget({
      description: "there",
      settings: { flag: flag({ description: "" }) },
      declare: () => Promise.resolve(0),
    }),
  };

  function declare(values: Record<string, string>): Promise<number> {
    const given = { "plonk:adminPassword": "pw", ...values };
    pulumi.runtime.setAllConfig(given);
    return declareTarget(targets);
  }

  afterEach(() => {
    pulumi.runtime.setAllConfig({});
  });

  it("is local by default, and gets what all targets have and its own", async () => {
    await declare({ "plonk:subnet": "b", "plonk:profile": "edge" });
    const { subnet, profile, adminUser } = declared[0] as Record<string, unknown>;
    expect({ subnet, profile, adminUser }).toEqual({
      subnet: "b",
      profile: "edge",
      adminUser: "admin",
    });
  });

  it.each([
    [
      { "plonk:functionStore": "https://user:secret@example.com/" },
      "plonk:functionStore: expected own, off, or an https URL without credentials and query, got one with credentials",
    ],
    [
      { "plonk:callbackAllow": "10.0.0.0/8 a..b" },
      `plonk:callbackAllow: expected ${CALLBACK_HOST_EXPECTATION}, got "a..b"`,
    ],
    [{ "plonk:target": "nowhere" }, 'plonk:target: expected one of local, other, got "nowhere"'],
    [{ "plonk:target": "toString" }, 'plonk:target: expected one of local, other, got "toString"'],
    [{ "plonk:subnet": "c" }, 'plonk:subnet: expected x, got "c"'],
    [
      { "plonk:flag": "true" },
      "plonk:flag: expected none, as only the target other has it; " +
        "remove it with pulumi config rm plonk:flag, or set plonk:target",
    ],
  ])("refuses %j in one line", async (values, message) => {
    await expect(declare(values)).rejects.toThrow(new RunError(message));
  });

  it("passes over another target's defaults, which Pulumi adds from Pulumi.yaml", async () => {
    await expect(declare({ "plonk:flag": "false" })).resolves.toBeGreaterThan(0);
  });
});
