/** What the configuration says of a cluster that somebody else made. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { checkSettings, COMMON, toDefaults } from "../../../stacks/config.ts";
import { existing, type ExistingConfig, toClusterArgs } from "../../../stacks/targets/existing.ts";
import { loadKubeconfig } from "../../../stacks/targets/kubeconfig.ts";

const folder = mkdtempSync(join(tmpdir(), "plonk-existing-"));
const kubeconfig = join(folder, "config");
writeFileSync(kubeconfig, "current-context: here\n");

afterAll(() => rmSync(folder, { recursive: true }));

const SETTINGS = { ...COMMON, ...existing.settings };

function configure(settings: Partial<ExistingConfig>): ExistingConfig {
  const values = { ...toDefaults(SETTINGS), kubeconfig, ...settings };
  const all = checkSettings(SETTINGS, values) as ExistingConfig;
  return { ...all, adminPassword: pulumi.secret("pw"), users: [] };
}

it("names little by default", () => {
  expect(toClusterArgs(configure({ registry: "localhost:5000/plonk" }))).toEqual({
    kubeconfig: loadKubeconfig(kubeconfig),
    registry: "localhost:5000/plonk",
    capabilities: { loadBalancer: false, networkPolicy: false },
  });
});

it("hands over what is set", () => {
  const config = configure({
    kubeContext: "kind-kind",
    imageCommand: 'kind load image-archive "$ARCHIVE"',
    nodeAddress: "fd00::7",
    storageClass: "gp3",
    loadBalancer: true,
    networkPolicy: true,
    architectures: "arm64,amd64",
  });
  expect(toClusterArgs(config)).toEqual({
    kubeconfig: loadKubeconfig(kubeconfig),
    context: "kind-kind",
    imageCommand: 'kind load image-archive "$ARCHIVE"',
    nodeAddress: "fd00::7",
    capabilities: {
      loadBalancer: true,
      networkPolicy: true,
      storageClass: "gp3",
      architectures: ["arm64", "amd64"],
    },
  });
});

it("refuses a cluster that images have no way to, before anything is built", () => {
  expect(() => toClusterArgs(configure({}))).toThrow(
    new pulumi.RunError(
      "plonk:registry: expected a registry that the nodes pull from, or a command in " +
        "plonk:imageCommand that takes images to them, got neither",
    ),
  );
});

it.each(["riscv64", "amd64 arm64", "amd64,"])("refuses the architectures %j", (architectures) => {
  expect(() => configure({ architectures })).toThrow(
    new pulumi.RunError(
      `plonk:architectures: expected amd64, arm64, or amd64,arm64, got "${architectures}"`,
    ),
  );
});

it.each(["https://registry.example.com", "registry.example.com/", "a b"])(
  "refuses the registry %j",
  (registry) => {
    expect(() => configure({ registry })).toThrow(
      new pulumi.RunError(
        `plonk:registry: expected a registry and path, e.g. registry.example.com/plonk, got "${registry}"`,
      ),
    );
  },
);
