/** Arguments of `Platform` in the real engine, in previews of a cluster that does not answer. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createEngine, type Engine } from "../support/pulumi.ts";
import { toKubeconfig } from "./support/fake-api.ts";
import { IMAGES } from "./support/mocks.ts";

const components = import.meta.resolve("../../components/index.ts");
const readme = new URL("../../README.md", import.meta.url);
const minute = 60_000;

/** Port 1 of loopback refuses connections at once. */
const KUBECONFIG = toKubeconfig("http://127.0.0.1:1", "here");

const HEAD = `
  import * as k8s from "@pulumi/kubernetes";
  import * as pulumi from "@pulumi/pulumi";
  import { Platform } from ${JSON.stringify(components)};
  const kubeconfig = pulumi.secret(${JSON.stringify(KUBECONFIG)});
  const cluster = {
    kubeconfig,
    provider: new k8s.Provider("nowhere", { kubeconfig }),
    capabilities: { storageClass: "disks", apiServerNetworks: [] },
    imageDelivery: { mode: "none", targets: [] },
    identity: pulumi.output("nowhere"),
    nodeAddress: pulumi.output("192.0.2.7"),
  };
  const args = { cluster, images: ${JSON.stringify(IMAGES)}, adminPassword: "pw" };
`;

let engine: Engine;

beforeAll(async () => {
  engine = await createEngine({ plugins: ["kubernetes"] });
}, 3 * minute);

afterAll(() => engine.remove());

describe("a wrong argument of a part", () => {
  it.each<[string, string, string]>([
    [
      '{ gateway: { pod: { labels: { "app.kubernetes.io/name": pulumi.output("x") } } } }',
      "plonk:index:Platform$plonk:index:Gateway p",
      'pod.labels["app.kubernetes.io/name"]: expected no other value than the platform\'s own, got "x"',
    ],
    [
      '{ queue: { nats: { resources: { limits: { memory: "1" } } } } }',
      "plonk:index:Platform$plonk:index:Queue p",
      'nats.resources.limits.memory: expected at least 16Mi, got "1"',
    ],
    [
      '{ metrics: { storageClass: "" } }',
      "plonk:index:Platform$plonk:index:Monitoring p",
      'storageClass: expected lower-case letters, digits, hyphens and dots, with a letter or digit at both ends, got ""',
    ],
    [
      "{ operator: { replicas: 0 } }",
      "plonk:index:Platform p",
      "operator.replicas: expected a whole number from 1, got 0",
    ],
    [
      '{ pods: { nodeSelector: { disk: "-" } } }',
      "plonk:index:Platform p",
      'pods.nodeSelector.disk: expected at most 63 letters, digits, hyphens, dots and underscores, with a letter or digit at both ends, got "-"',
    ],
    [
      "{ gateway: { nodePort: pulumi.output(70000) } }",
      "plonk:index:Platform p",
      "gateway.nodePort: expected a whole number from 1 to 65535, got 70000",
    ],
    [
      "{ gateway: { timeoutSeconds: pulumi.output(-100) } }",
      "plonk:index:Platform p",
      "gateway.timeoutSeconds: expected a whole number from 1, got -100",
    ],
    [
      "{ gateway: { maxInflightPerFunction: 0 } }",
      "plonk:index:Platform p",
      "gateway.maxInflightPerFunction: expected a whole number from 1, got 0",
    ],
    [
      "{ gateway: { maxWaiting: pulumi.output(0.5) } }",
      "plonk:index:Platform p",
      "gateway.maxWaiting: expected a whole number from 1, got 0.5",
    ],
    [
      "{ gateway: { maxWaitingPerFunction: Promise.resolve(-1) } }",
      "plonk:index:Platform p",
      "gateway.maxWaitingPerFunction: expected a whole number from 1, got -1",
    ],
    [
      "{ queue: { queues: { slow: { maxInflight: Promise.resolve(0) } } } }",
      "plonk:index:Platform p",
      "queue.queues.slow.maxInflight: expected a whole number from 1, got 0",
    ],
    [
      '{ gateway: { trustedProxies: [pulumi.output("proxy")] } }',
      "plonk:index:Platform p",
      'gateway.trustedProxies[0]: expected a range such as 10.0.0.0/8, got "proxy"',
    ],
    [
      '{ gateway: { store: "https://user:secret@example.com/store.json" } }',
      "plonk:index:Platform p",
      "gateway.store: expected own, off, or an https URL without credentials and query, got one with credentials",
    ],
    [
      '{ gateway: { store: Promise.resolve("http://example.com/store.json") } }',
      "plonk:index:Platform p",
      "gateway.store: expected own, off, or an https URL without credentials and query, got one of http:",
    ],
    [
      '{ gateway: { ingress: { host: "*.example.com" } } }',
      "plonk:index:Platform$plonk:index:Gateway p",
      'ingress.host: expected a name such as gateway.example.com, got "*.example.com"',
    ],
    [
      '{ gateway: { ingress: { host: "x.example", annotations: { "a b": "c" } } } }',
      "plonk:index:Platform$plonk:index:Gateway p",
      'ingress.annotations: expected keys such as team or example.com/team, got "a b"',
    ],
    [
      '{ namespace: "A" }',
      "plonk:index:Platform p",
      'namespace: expected 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends (RFC 1123), got "A"',
    ],
    [
      '{ functionNamespace: "openfaas" }',
      "plonk:index:Platform p",
      'functionNamespace: expected another one than the platform\'s, got "openfaas"',
    ],
  ])(
    "%s fails the preview with one line on its row",
    async (given, resource, message) => {
      await engine.program(`${HEAD}\nnew Platform("p", { ...args, ...${given} });`);
      const { code, output, diagnostics } = await engine.preview();
      const errors = diagnostics.filter(({ severity }) => severity === "error");
      expect(errors.map((it) => [it.urn.split("::").slice(-2).join(" "), it.message])).toEqual([
        [resource, message],
      ]);
      expect(code).not.toBe(0);
      expect(output).not.toMatch(/^\s+at /m);
    },
    3 * minute,
  );
});

interface PreviewStep {
  urn: string;
  newState?: { inputs?: { spec?: { template?: { spec?: { tolerations?: unknown } } } } };
}

it(
  "takes Pulumi's transforms down to the objects of its parts, as the README shows",
  async () => {
    const [, example = ""] =
      /```ts\n(new Platform\([^`]*?transforms[^`]*?)```/.exec(await readFile(readme, "utf8")) ?? [];
    await engine.program(`${HEAD}\n${example}`);
    const { code, output } = await engine.pulumi(["preview", "--json"]);
    expect(code === 0 ? "" : output).toBe("");
    const { steps } = JSON.parse(output.slice(output.indexOf("{"))) as { steps: PreviewStep[] };
    const tolerant = steps
      .map(({ urn, newState }) => [
        urn.split("::").at(-1),
        newState?.inputs?.spec?.template?.spec?.tolerations,
      ])
      .filter(([, tolerations]) => tolerations !== undefined);
    expect(Object.fromEntries(tolerant)).toEqual({
      "plonk-gateway": [{ key: "edge", operator: "Exists" }],
      "plonk-node-exporter": [{ operator: "Exists" }],
    });
  },
  3 * minute,
);
