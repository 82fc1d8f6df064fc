/** The platform's objects before a real API server: schemas, validation rules, pod security. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Platform } from "../../components/index.ts";
import { CRD_NAME } from "../../components/operator/crd.ts";
import { refuseForeignDefinition } from "../../components/operator/ownership.ts";
import { CASES, toSpec } from "../contract/function/cases.ts";
import { type ApiServer, startApiServer } from "../support/apiserver.ts";
import { fakeCluster, IMAGES, recordRegistrations, reveal, waitForCount } from "./support/mocks.ts";

const all = recordRegistrations();
const minute = 60_000;
let server: ApiServer;

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  spec?: { template?: { metadata: object; spec: object } };
}

beforeAll(async () => {
  server = await startApiServer();
  const cluster = fakeCluster({ networkPolicy: true });
  const gateway = { replicas: 2 };
  new Platform("p", { cluster, images: IMAGES, adminPassword: "pw", gateway });
  await waitForCount(all, 54);
  for (const kind of ["Namespace", "CustomResourceDefinition"]) {
    for (const manifest of manifests(kind)) {
      await server.apply(JSON.stringify(manifest));
    }
  }
  const patience = "--timeout=100s";
  await server.kubectl("wait", patience, "--for=condition=Established", `crd/${CRD_NAME}`);
}, 4 * minute);

afterAll(async () => {
  await server.stop();
  await pulumi.runtime.disconnect();
});

function manifests(kind?: string): Manifest[] {
  return all
    .filter(({ type }) => type.startsWith("kubernetes:"))
    .map(({ inputs }) => reveal(inputs) as Manifest)
    .filter((manifest) => (kind === undefined ? true : manifest.kind === kind));
}

function toFunction(name: string, spec: object): string {
  const metadata = { name, namespace: "openfaas-fn" };
  return JSON.stringify({ apiVersion: "openfaas.com/v1", kind: "Function", metadata, spec });
}

describe("a real API server", () => {
  it(
    "takes every object of the platform",
    async () => {
      const list = manifests();
      expect(list.length).toBeGreaterThan(40);
      const items = { apiVersion: "v1", kind: "List", items: list };
      await expect(server.apply(JSON.stringify(items))).resolves.toBeUndefined();
    },
    minute,
  );

  it(
    "lets every pod of the platform into its restricted namespace",
    async () => {
      const workloads = manifests().filter(({ spec }) => spec?.template !== undefined);
      expect(workloads).toHaveLength(7);
      for (const { metadata, spec } of workloads) {
        const pod = {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: `trial-${metadata.name}`, namespace: "openfaas" },
          // Claims become volumes in the StatefulSet's controller.
          spec: addDataVolume(spec?.template?.spec ?? {}),
        };
        await expect(server.apply(JSON.stringify(pod))).resolves.toBeUndefined();
      }
    },
    minute,
  );
});

function addDataVolume(spec: { volumes?: { name: string }[] }): object {
  const volumes = spec.volumes ?? [];
  const hasData = volumes.some(({ name }) => name === "data");
  return { ...spec, volumes: hasData ? volumes : [...volumes, { name: "data", emptyDir: {} }] };
}

describe("the Function definition", () => {
  it("has a structural schema", async () => {
    const conditions = await server.kubectl(
      "get",
      "crd",
      CRD_NAME,
      "-o",
      "jsonpath={.status.conditions[*].type}",
    );
    expect(conditions.split(" ").sort()).toEqual(["Established", "NamesAccepted"]);
  });

  it("takes a function with all that it can say", async () => {
    const spec = {
      name: "full",
      image: "example.com/image:1",
      code: { configMap: "full-0123456789ab", entry: "index.mjs" },
      environment: { A: "b" },
      labels: { "com.openfaas.scale.min": "1", "com.openfaas.scale.max": "10" },
      annotations: { topic: "x" },
      secrets: ["s"],
      constraints: ["a=b"],
      limits: { memory: "128Mi", "nvidia.com/gpu": "1" },
      requests: { cpu: "10m" },
      readOnlyRootFilesystem: true,
    };
    await server.apply(toFunction("full", spec));
    const stored = await server.kubectl("get", "fn", "full", "-n", "openfaas-fn", "-o", "json");
    expect((JSON.parse(stored) as { spec: object }).spec).toEqual(spec);
  });

  it.each<[string, object, RegExp]>([
    ["another name inside", { name: "b", image: "x" }, /spec\.name must equal metadata\.name/],
    ["no image", { name: "a" }, /spec\.image: Required value/],
    ["an unknown field", { name: "a", image: "x", bogus: 1 }, /\.spec\.bogus: field not declared/],
    ["replicas below zero", { name: "a", image: "x", replicas: -1 }, /should be greater than/],
    [
      "a minimum above the maximum",
      {
        name: "a",
        image: "x",
        labels: { "com.openfaas.scale.min": "5", "com.openfaas.scale.max": "2" },
      },
      /com\.openfaas\.scale\.min must be a number that does not exceed com\.openfaas\.scale\.max/,
    ],
  ])("refuses %s", async (_, spec, message) => {
    await expect(server.apply(toFunction("a", spec))).rejects.toThrow(message);
  });

  const byServer = CASES.filter(({ leftBy }) => leftBy !== "api-server");

  it.each(byServer)("says of $what what all others say", async (each) => {
    const spec = toSpec(each);
    const metadata = { name: spec.name, namespace: "openfaas-fn" };
    const object = { apiVersion: "openfaas.com/v1", kind: "Function", metadata, spec };
    const answer = server.objects.create(object, undefined, "All").then(
      () => "",
      (error: unknown) => (error as { body: string }).body,
    );
    const text = await answer;
    if (each.field === undefined || each.isNothing === true) {
      expect(text).toBe("");
    } else {
      // The server names the map where a key of it is wrong, and an object where two fields are.
      expect(text).toMatch(each.field === "handler" ? /handler/ : toServerField(each.field));
      expect(text).toContain('"reason":"Invalid"');
    }
  });

  it("can be scaled, and shows what matters", async () => {
    await server.apply(toFunction("scaled", { name: "scaled", image: "x" }));
    await server.kubectl("scale", "fn/scaled", "-n", "openfaas-fn", "--replicas=3");
    const replicas = await server.kubectl(
      ...["get", "fn", "scaled", "-n", "openfaas-fn", "-o", "jsonpath={.spec.replicas}"],
    );
    expect(replicas).toBe("3");
    const table = await server.kubectl("get", "fn", "scaled", "-n", "openfaas-fn", "-o", "wide");
    expect(table.split("\n")[0]?.trim().split(/\s+/)).toEqual([
      ...["NAME", "READY", "REASON", "DESIRED", "REPLICAS", "AVAILABLE", "IMAGE", "AGE"],
    ]);
  });
});

/** As the server calls a field, or the map in which it is. */
function toServerField(field: string): RegExp {
  return new RegExp(`spec[.]${/^\\w+/.exec(field)?.[0] ?? ""}`);
}

describe("a definition of another OpenFaaS", () => {
  it("is not what Plonk's own is taken for", async () => {
    await expect(refuseForeignDefinition(server.kubeconfig, false)).resolves.toBeUndefined();
  });

  it("is refused, and its owner named", async () => {
    await server.kubectl("label", "crd", CRD_NAME, "app.kubernetes.io/part-of-");
    await server.kubectl(
      "label",
      "--overwrite",
      "crd",
      CRD_NAME,
      "app.kubernetes.io/managed-by=Helm",
    );
    await expect(refuseForeignDefinition(server.kubeconfig, false)).rejects.toThrow(
      "cluster: expected no other OpenFaaS, got the definition functions.openfaas.com of Helm; " +
        "set adopt to take it over",
    );
  });

  it("is no reason to fail when there is none", async () => {
    await server.kubectl("delete", "crd", CRD_NAME);
    await expect(refuseForeignDefinition(server.kubeconfig, false)).resolves.toBeUndefined();
  });
});
