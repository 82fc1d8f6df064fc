/** Arguments of clusters that outputs give, in the real engine: one line on the cluster's row. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createEngine, type Engine } from "../../support/pulumi.ts";
import { type FakeApi, startFakeApi } from "../support/fake-api.ts";
import { answersOfCluster } from "../support/fake-cluster.ts";

const components = import.meta.resolve("../../../components/index.ts");
const minute = 60_000;

let api: FakeApi;
let engine: Engine;

beforeAll(async () => {
  api = await startFakeApi(answersOfCluster());
  engine = await createEngine({ plugins: ["kubernetes"] });
}, 3 * minute);

afterAll(async () => {
  await engine.remove();
  api.stop();
});

async function errorsOf(statement: string): Promise<string[]> {
  await engine.program(`
    import * as pulumi from "@pulumi/pulumi";
    import { ExistingCluster, K3sCluster } from ${JSON.stringify(components)};
    const args = { kubeconfig: ${JSON.stringify(api.kubeconfig)}, context: "here" };
    ${statement}`);
  const { code, output, diagnostics } = await engine.preview();
  expect(code).not.toBe(0);
  expect(output).not.toMatch(/^\s+at /m);
  return diagnostics
    .filter(({ severity, urn }) => severity === "error" && urn.includes("plonk:index:"))
    .map(({ urn, message }) => `${urn.split("::").at(-1) ?? ""}: ${message}`);
}

describe("what turns out to be wrong", () => {
  it.each([
    [
      '{ context: pulumi.output("three") }',
      'context: expected one of the kubeconfig\'s (here, elsewhere, lost), got "three"',
    ],
    ["{ context: pulumi.output(undefined) }", "context: expected text, got undefined"],
    ['{ imageCommand: pulumi.output(" ") }', 'imageCommand: expected text, got " "'],
    [
      '{ capabilities: { storageClass: pulumi.output("fast") } }',
      'capabilities.storageClass: expected one of the cluster\'s (standard, gp3), got "fast"',
    ],
    [
      '{ capabilities: { apiServerNetworks: [pulumi.output("10.0.0.1")] } }',
      'capabilities.apiServerNetworks[0]: expected a network such as 10.0.0.0/8 or 192.0.2.1/32, got "10.0.0.1"',
    ],
    [
      "{ capabilities: { apiServerNetworks: pulumi.output([1]) } }",
      "capabilities.apiServerNetworks[0]: expected a text, got 1",
    ],
    [
      '{ capabilities: { architectures: [pulumi.output("riscv64")] } }',
      'capabilities.architectures[0]: expected one of amd64, arm64, got "riscv64"',
    ],
    [
      "{ capabilities: { architectures: pulumi.output([]) } }",
      "capabilities.architectures: expected one of amd64, arm64 at least, got none",
    ],
  ])(
    "%s of an existing cluster",
    async (given, message) => {
      expect(await errorsOf(`new ExistingCluster("c", { ...args, ...${given} });`)).toEqual([
        `c: ${message}`,
      ]);
    },
    3 * minute,
  );

  it.each([
    [
      "{ readyTimeoutSeconds: pulumi.output(0) }",
      "readyTimeoutSeconds: expected a whole number from 1, got 0",
    ],
    [
      '{ servers: [{ ...here, labels: { "a=b": pulumi.output("c") } }] }',
      'servers[0].labels: expected keys such as team or example.com/team, got "a=b"',
    ],
  ])(
    "%s of k3s",
    async (given, message) => {
      const statement = `
        const here = { connection: { local: true } };
        const k3s = { path: "", version: "1" };
        new K3sCluster("c", { servers: [here], k3s, ...${given} });`;
      expect(await errorsOf(statement)).toEqual([`c: ${message}`]);
    },
    3 * minute,
  );
});
