/** Provider configuration: from inputs, from the environment, from a kubeconfig. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { readTarget } from "../../../../toolchain/plugins/kubernetes/kubeconfig.ts";
import { createProvider } from "../../../../toolchain/plugins/kubernetes/provider.ts";
import {
  checkSettings,
  readSettings,
  type Settings,
} from "../../../../toolchain/plugins/kubernetes/settings.ts";
import type { DiffResult } from "../../../../toolchain/plugins/lib/provider.ts";
import { Secret, UNKNOWN, type Bag } from "../../../../toolchain/plugins/lib/values.ts";

const directory = mkdtempSync(join(tmpdir(), "plonk-settings-"));
afterAll(() => rmSync(directory, { recursive: true }));

function toKubeconfig(server: string): string {
  return JSON.stringify({
    clusters: [
      { name: "one", cluster: { server } },
      { name: "two", cluster: { server: "https://two" } },
    ],
    contexts: [
      { name: "first", context: { cluster: "one", user: "u", namespace: "shop" } },
      { name: "second", context: { cluster: "two", user: "u" } },
    ],
    "current-context": "first",
  });
}

const toSettings = (inputs: Bag): Settings => readSettings(inputs, {});

describe("settings", () => {
  it("are text, JSON text or plain values, secret or not", () => {
    const inputs = {
      kubeconfig: new Secret("x"),
      enableConfigMapMutable: "true",
      deleteUnreachable: true,
      context: "",
    };
    expect(toSettings(inputs)).toEqual({
      kubeconfig: "x",
      context: undefined,
      cluster: undefined,
      namespace: undefined,
      clusterIdentifier: undefined,
      deleteUnreachable: true,
      enableConfigMapMutable: true,
      enableSecretMutable: false,
    });
  });

  it("come from the environment where they are not given", () => {
    const environment = {
      PULUMI_K8S_DELETE_UNREACHABLE: "true",
      PULUMI_K8S_CLUSTER_IDENTIFIER: "c",
    };
    expect(readSettings({}, environment)).toMatchObject({
      deleteUnreachable: true,
      clusterIdentifier: "c",
    });
    expect(readSettings({ deleteUnreachable: "false" }, environment).deleteUnreachable).toBe(false);
  });

  it("that ask for what the plugin does not do are refused", () => {
    const inputs = { enableServerSideApply: "false", renderYamlToDirectory: "out" };
    expect(checkSettings(inputs, {}).map(({ reason }) => reason)).toEqual([
      "enableServerSideApply: must be true, this plugin applies on the server only, got false",
      "renderYamlToDirectory: must not be set, this plugin does not render",
    ]);
    expect(checkSettings({ kubeconfig: UNKNOWN }, {})).toEqual([]);
  });
});

describe("the kubeconfig", () => {
  it("is content or a file, with the chosen context and cluster", () => {
    const kubeconfig = toKubeconfig("https://one");
    expect(readTarget(toSettings({ kubeconfig }))).toEqual({
      cluster: "one",
      server: "https://one",
      namespace: "shop",
    });
    const file = join(directory, "config");
    writeFileSync(file, kubeconfig);
    expect(readTarget(toSettings({ kubeconfig: file, context: "second" }))).toEqual({
      cluster: "two",
      server: "https://two",
      namespace: "default",
    });
    expect(readTarget(toSettings({ kubeconfig, cluster: "two" }))).toMatchObject({
      server: "https://two",
      namespace: "shop",
    });
  });

  it.each<[string, Bag, string]>([
    [
      "is missing",
      { kubeconfig: "/nowhere/config" },
      "kubeconfig: expected the content or the path of a kubeconfig, got neither",
    ],
    [
      "is no YAML",
      { kubeconfig: "{secret: [" },
      "kubeconfig: expected YAML or JSON of a kubeconfig, got something else",
    ],
    [
      "has no such context",
      { kubeconfig: toKubeconfig("https://one"), context: "third", cluster: "one" },
      "context: expected a context of the kubeconfig, got third",
    ],
    [
      "has no such cluster",
      { kubeconfig: toKubeconfig("https://one"), cluster: "three" },
      'kubeconfig: expected a cluster named "three" with a server, got none',
    ],
  ])("is refused without quoting it: it %s", (_, inputs, message) => {
    expect(() => readTarget(toSettings(inputs))).toThrow(message);
  });
});

describe("a change of the provider", () => {
  const provider = createProvider({ log: () => Promise.resolve() }, {});
  const diff = async (oldInputs: Bag, newInputs: Bag): Promise<DiffResult | undefined> =>
    provider.diffConfig?.({
      urn: "",
      name: "",
      type: "",
      id: "",
      signal: new AbortController().signal,
      oldInputs,
      newInputs,
      oldOutputs: {},
      ignoreChanges: [],
    });
  const one = toKubeconfig("https://one");
  const moved = toKubeconfig("https://moved");

  it.each<[string, Bag, Bag, DiffResult]>([
    ["none", { kubeconfig: one }, { kubeconfig: one }, { changed: false }],
    [
      "new credentials",
      { kubeconfig: one },
      { kubeconfig: `${one}\n` },
      { changed: true, detailedDiff: { kubeconfig: "update" } },
    ],
    [
      "another server",
      { kubeconfig: one },
      { kubeconfig: moved },
      { changed: true, detailedDiff: { kubeconfig: "update-replace" } },
    ],
    [
      "another context",
      { kubeconfig: one },
      { kubeconfig: one, context: "second" },
      { changed: true, detailedDiff: { context: "update-replace" } },
    ],
    [
      "a kubeconfig that is not known yet",
      { kubeconfig: one },
      { kubeconfig: UNKNOWN },
      { changed: true, detailedDiff: { kubeconfig: "update" } },
    ],
    [
      "the same cluster elsewhere",
      { kubeconfig: one, clusterIdentifier: "c" },
      { kubeconfig: moved, clusterIdentifier: "c" },
      { changed: true, detailedDiff: { kubeconfig: "update" } },
    ],
    [
      "another cluster",
      { kubeconfig: one, clusterIdentifier: "c" },
      { kubeconfig: one, clusterIdentifier: "d" },
      { changed: true, detailedDiff: { clusterIdentifier: "update-replace" } },
    ],
    [
      "an identifier at last",
      { kubeconfig: one },
      { kubeconfig: one, clusterIdentifier: "c" },
      { changed: true, detailedDiff: { clusterIdentifier: "update" } },
    ],
  ])("%s", async (...[, oldInputs, newInputs, expected]) => {
    expect(await diff(oldInputs, newInputs)).toEqual(expected);
  });
});
