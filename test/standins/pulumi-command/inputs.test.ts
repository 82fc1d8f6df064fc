/** Which inputs a command takes, and what a change of them means; tables without an engine. */
import { describe, expect, it } from "@jest/globals";
import { type PropertyMap, Secret, UNKNOWN } from "../../../standins/provider-protocol/values.ts";
import { diffInputs } from "../../../standins/pulumi-command/diff.ts";
import {
  COMMAND_PROPERTIES,
  findFailures,
  RUN_PROPERTIES,
  toLocalEnvironment,
} from "../../../standins/pulumi-command/inputs.ts";

describe("inputs", () => {
  it.each<[string, PropertyMap]>([
    [
      "",
      { create: "true", environment: { A: "b" }, triggers: [1, { a: [true] }], logging: "none" },
    ],
    ["", { create: UNKNOWN, environment: { A: UNKNOWN }, stdin: new Secret(UNKNOWN) }],
    ["", { interpreter: ["node", UNKNOWN], addPreviousOutputInEnv: false }],
    ["", { interpreter: [] }],
    ["create: expected a string, got number", { create: 1 }],
    ["stdin: expected a string, got boolean", { stdin: new Secret(true) }],
    ["environment: expected a map of strings, got object", { environment: { A: 1 } }],
    ["environment: expected a map of strings, got string", { environment: "A=1" }],
    ["interpreter: expected a list of strings, got a list of other things", { interpreter: [1] }],
    [
      'logging: expected one of stdout, stderr, stdoutAndStderr, none, got "loud"',
      { logging: "loud" },
    ],
    ["triggers: expected a list", { triggers: "a" }],
    [
      "addPreviousOutputInEnv: expected true or false, got string",
      { addPreviousOutputInEnv: "no" },
    ],
    [
      "assetPaths: this plugin does not collect files; the official pulumi-resource-command does",
      { assetPaths: ["*"] },
    ],
    ["shell: is not a known property", { shell: "bash" }],
  ])("%s %j", (message, inputs) => {
    const reasons = findFailures(inputs, COMMAND_PROPERTIES).map(({ reason }) => reason);
    expect(reasons).toEqual(message === "" ? [] : [message]);
  });

  it("of local.run know neither triggers nor the commands of a resource", () => {
    const failures = findFailures({ command: "a", create: "b", triggers: [] }, RUN_PROPERTIES);
    expect(failures.map(({ property }) => property)).toEqual(["create", "triggers"]);
  });

  it("become plain values with defaults, and the secret ones are known as such", () => {
    expect(toLocalEnvironment({})).toEqual({
      interpreter: ["/bin/sh", "-c"],
      dir: undefined,
      environment: {},
      stdin: undefined,
      logging: "stdoutAndStderr",
      addPreviousOutputInEnv: true,
      secrets: [],
    });
    const inputs = {
      environment: { OPEN: "open", HIDDEN: new Secret("hidden") },
      stdin: new Secret("typed"),
    };
    expect(toLocalEnvironment(inputs)).toMatchObject({
      environment: { OPEN: "open", HIDDEN: "hidden" },
      stdin: "typed",
      secrets: ["hidden", "typed"],
    });
    expect(
      toLocalEnvironment({ environment: new Secret({ A: "all", B: "of it" }) }).secrets,
    ).toEqual(["all", "of it"]);
  });
});

/** A file as a program hands it over (Pulumi's `sdk/go/common/resource/sig`). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";

function file(hash: string, path: string): PropertyMap {
  return { [SIGNATURE]: "c44067f5952c0a294b673a41bacd8c17", hash, path };
}

describe("a change", () => {
  it.each<[string, PropertyMap, PropertyMap, Record<string, string>]>([
    ["of nothing", { create: "a", triggers: [1] }, { create: "a", triggers: [1] }, {}],
    ["of secrecy alone", { create: "a" }, { create: new Secret("a") }, {}],
    ["of a command", { create: "a" }, { create: "b" }, { create: "update" }],
    ["by addition", { create: "a" }, { create: "a", delete: "d" }, { delete: "add" }],
    ["by removal", { create: "a", stdin: "s" }, { create: "a" }, { stdin: "delete" }],
    [
      "inside the environment",
      { environment: { A: "1", B: "2", C: "3" } },
      { environment: new Secret({ A: "1", B: "3", D: "4" }) },
      { "environment.B": "update", "environment.C": "delete", "environment.D": "add" },
    ],
    [
      "of a trigger",
      { triggers: [1, 2] },
      { triggers: [1, 3] },
      { "triggers[1]": "update-replace" },
    ],
    [
      "inside a trigger",
      { triggers: [{ a: { b: 1 } }] },
      { triggers: [{ a: { b: 2 } }] },
      { "triggers[0].a.b": "update-replace" },
    ],
    [
      "of the number of triggers",
      { triggers: [] },
      { triggers: [1] },
      { "triggers[0]": "add-replace" },
    ],
    [
      "to what is not known yet",
      { triggers: [1] },
      { triggers: [UNKNOWN] },
      { "triggers[0]": "update-replace" },
    ],
    [
      "that adds triggers",
      { create: "a" },
      { create: "a", triggers: [1] },
      { triggers: "add-replace" },
    ],
    [
      "of a file's place alone",
      { triggers: [file("one", "here")] },
      { triggers: [file("one", "there")] },
      {},
    ],
    [
      "of a file's content",
      { source: file("one", "here") },
      { source: file("two", "here") },
      { source: "update" },
    ],
    [
      "from a file to an archive",
      { source: file("one", "here") },
      { source: { ...file("one", "here"), [SIGNATURE]: ARCHIVE } },
      { source: "update" },
    ],
  ])("%s", (...[, before, after, detailedDiff]) => {
    expect(diffInputs(before, after)).toEqual({
      changed: Object.keys(detailedDiff).length > 0,
      detailedDiff,
    });
  });
});
