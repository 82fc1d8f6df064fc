/** Objects through the real engine against a real API server: what is planned, done and kept. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startApiServer, type ApiServer } from "../../../support/apiserver.ts";
import { createEngine, type Engine, type RunResult, type Step } from "../../../support/pulumi.ts";
import { EVERY_KIND } from "./every-kind.ts";

let server: ApiServer;
let engine: Engine;

beforeAll(async () => {
  server = await startApiServer();
  engine = await createEngine({
    plugins: ["kubernetes"],
    env: { KUBECONFIG: server.kubeconfigPath },
  });
}, 120_000);

afterAll(async () => {
  await engine.remove();
  await server.stop();
});

const HEADER = `import * as pulumi from "@pulumi/pulumi";
import * as k8s from "@pulumi/kubernetes";
`;

function program(...lines: string[]): Promise<void> {
  return engine.program(HEADER + lines.join("\n"));
}

/** Runs `up` and expects it to succeed. */
async function up(): Promise<RunResult> {
  const result = await engine.up();
  expect(`${String(result.code)} ${errorsOf(result)}`).toBe("0 ");
  return result;
}

function errorsOf(result: RunResult): string {
  const errors = result.diagnostics.filter(({ severity }) => severity === "error");
  return errors.map(({ message }) => message).join("\n");
}

/** The steps on one resource, without those that change nothing. */
function stepsOf(result: RunResult, name: string): Pick<Step, "op" | "diff">[] {
  return result.steps
    .filter((step) => step.name === name && step.op !== "same" && step.op !== "refresh")
    .map(({ op, diff }) => ({ op, diff }));
}

function opsOf(result: RunResult, name: string): string[] {
  return stepsOf(result, name).map(({ op }) => op);
}

function getData(name: string): Promise<string> {
  return server.kubectl("get", "configmap", name, "-o=jsonpath={.data}");
}

describe("every kind", () => {
  it("is created, left alone and deleted", async () => {
    const count = EVERY_KIND.resources + 1;
    await program(EVERY_KIND.source);
    const planned = await engine.preview();
    expect(`${String(planned.code)} ${errorsOf(planned)}`).toBe("0 ");
    expect(planned.changes).toEqual({ create: count });
    expect(await server.kubectl("get", "namespace", "-o=name")).not.toContain("shop");
    expect((await up()).changes).toEqual({ create: count });
    expect(await engine.outputs()).toMatchObject({
      namespace: expect.stringMatching(/^shop-[0-9a-f]{8}$/),
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect((await engine.preview()).changes).toEqual({ same: count });
    expect((await engine.refresh()).changes).toEqual({ same: count });
    expect(await engine.state()).not.toContain("open-sesame");
    expect(await engine.state()).not.toContain(Buffer.from("open-sesame").toString("base64"));
    expect((await engine.destroy()).changes).toEqual({ delete: count });
    expect(await server.kubectl("get", "namespace", "-o=name")).not.toContain("shop");
  }, 120_000);
});

describe("changes", () => {
  it("update in place, replace by a new name, or delete first where the name is fixed", async () => {
    const declare = (data: string): Promise<void> =>
      program(
        `const data = ${data};`,
        `new k8s.core.v1.ConfigMap("free", { data });`,
        `new k8s.core.v1.ConfigMap("fixed", { metadata: { name: "fixed" }, data });`,
        `new k8s.core.v1.ConfigMap("ignored", { data }, { ignoreChanges: ["data"] });`,
        `new k8s.core.v1.ServiceAccount("account", { metadata: { labels: data } });`,
      );
    await declare('{ a: "1" }');
    await up();
    await declare('{ a: "2", b: "3" }');
    const result = await up();
    expect(stepsOf(result, "account")).toEqual([
      { op: "update", diff: { "metadata.labels.a": "update", "metadata.labels.b": "add" } },
    ]);
    expect(stepsOf(result, "free")[0]).toEqual({
      op: "create-replacement",
      diff: { "data.a": "update-replace", "data.b": "add-replace" },
    });
    expect(opsOf(result, "free")).toEqual(["create-replacement", "replace", "delete-replaced"]);
    expect(opsOf(result, "fixed")).toEqual(["delete-replaced", "replace", "create-replacement"]);
    expect(opsOf(result, "ignored")).toEqual([]);
    expect(JSON.parse(await getData("fixed"))).toEqual({ a: "2", b: "3" });
    const names = await server.kubectl("get", "configmap", "-o=name");
    expect(names.match(/free-/g)).toHaveLength(1);
  }, 60_000);

  it("made by others are shown by a refresh and undone by the next update", async () => {
    const declare = (annotations: string): Promise<void> =>
      program(
        `const metadata = { labels: { a: "1" }, annotations: ${annotations} };`,
        `new k8s.core.v1.ServiceAccount("account", { metadata });`,
      );
    await declare("{}");
    await up();
    await server.kubectl("label", "serviceaccount", "--all", "--overwrite", "a=changed", "c=new");
    const refreshed = await engine.refresh();
    expect(stepsOf(refreshed, "account")).toEqual([
      { op: "update", diff: { "metadata.labels.a": "update" } },
    ]);
    const conflict = await engine.up();
    expect(conflict.code).not.toBe(0);
    expect(errorsOf(conflict)).toContain('metadata.labels.a is managed by "kubectl-label"');
    await declare('{ "pulumi.com/patchForce": "true" }');
    await up();
    const labels = await server.kubectl(
      "get",
      "sa",
      "-l",
      "a=1",
      "-o=jsonpath={.items[*].metadata.labels}",
    );
    expect(JSON.parse(labels)).toEqual({ a: "1", c: "new" });
  }, 60_000);
});

describe("objects from elsewhere", () => {
  it("are imported and read", async () => {
    await server.apply(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: old, namespace: default}, data: {a: b}}",
    );
    const declare = (value: string, options: string): Promise<void> =>
      program(
        `const old = new k8s.core.v1.ConfigMap("old", {`,
        `  metadata: { name: "old" }, data: { a: "${value}" } }, ${options});`,
        `export const seen = k8s.core.v1.ConfigMap.get("seen", "default/old").data;`,
      );
    await declare("b", '{ import: "default/old" }');
    expect(opsOf(await up(), "old")).toContain("import");
    expect(await engine.outputs()).toEqual({ seen: { a: "b" } });
    await declare("b", "{}");
    expect((await engine.preview()).changes).toMatchObject({ same: 2 });
  }, 60_000);
});

describe("an object that does not become ready", () => {
  const DEFINITION = `
    const crd = new k8s.apiextensions.v1.CustomResourceDefinition("gadgets", {
      metadata: { name: "gadgets.example.com" },
      spec: {
        group: "example.com", scope: "Namespaced",
        names: { plural: "gadgets", singular: "gadget", kind: "Gadget" },
        versions: [{ name: "v1", served: true, storage: true, subresources: { status: {} },
          schema: { openAPIV3Schema: {
            type: "object", "x-kubernetes-preserve-unknown-fields": true } } }],
      },
    });`;
  const declare = (name: string, ...annotations: string[]): Promise<void> =>
    program(
      DEFINITION,
      `const gadget = new k8s.apiextensions.CustomResource("${name}", {`,
      `  apiVersion: "example.com/v1", kind: "Gadget",`,
      `  metadata: { name: "${name}", annotations: {`,
      `    "pulumi.com/deletionPropagationPolicy": "background", ${annotations.join(", ")} } },`,
      `}, { dependsOn: crd });`,
      `export const phase = (gadget as any).status?.phase;`,
    );

  it("fails with its conditions, is kept, and is finished by the next update", async () => {
    await declare(
      "gadget",
      `"pulumi.com/waitFor": "condition=Ready"`,
      `"pulumi.com/timeoutSeconds": "1"`,
    );
    const failed = await engine.up();
    expect(failed.code).not.toBe(0);
    expect(errorsOf(failed)).toContain("not ready after 1 s: no current condition Ready");
    await server.kubectl(
      "patch",
      "gadget",
      "gadget",
      "--subresource=status",
      "--type=merge",
      `--patch={"status":{"conditions":[{"type":"Ready","status":"True","reason":"Done"}]}}`,
    );
    expect(opsOf(await up(), "gadget")).toEqual(["update"]);
  }, 60_000);

  it("is given up when the person interrupts the update", async () => {
    await declare("slow", `"pulumi.com/waitFor": "condition=Ready"`);
    const interrupt = new AbortController();
    const running = engine.up({ signal: interrupt.signal });
    const list = (): Promise<string> => server.kubectl("get", "gadget", "-o=name");
    while (!(await list()).includes("slow"));
    interrupt.abort();
    const cancelled = await running;
    expect(cancelled.code).not.toBe(0);
    expect(cancelled.output).toContain("cancelled");
    expect(await engine.state()).toMatch(/"id": ?"default\/slow"/);
  }, 60_000);
});

describe("what cannot work", () => {
  it("is refused by name in preview: kinds that the plugin does not cover", async () => {
    await program(
      `new k8s.autoscaling.v2.HorizontalPodAutoscaler("hpa", { spec: {`,
      `  maxReplicas: 1, scaleTargetRef: { kind: "Deployment", name: "x" } } });`,
    );
    const result = await engine.preview();
    expect(result.code).not.toBe(0);
    expect(errorsOf(result)).toContain("got kubernetes:autoscaling/v2:HorizontalPodAutoscaler");
  }, 60_000);

  it("says which server cannot be reached, and lets go of its resources when told so", async () => {
    const elsewhere = server.kubeconfig.replace(/server: .*/, "server: https://127.0.0.1:1");
    const declare = (kubeconfig: string): Promise<void> =>
      program(
        `const provider = new k8s.Provider("p", {`,
        `  kubeconfig: ${JSON.stringify(kubeconfig)}, clusterIdentifier: "one" });`,
        `new k8s.core.v1.ConfigMap("lost", { metadata: { name: "lost" } }, { provider });`,
      );
    await declare(server.kubeconfig);
    await up();
    await declare(elsewhere);
    const refreshed = await engine.refresh({ args: ["--run-program"] });
    expect(refreshed.code).not.toBe(0);
    expect(errorsOf(refreshed)).toContain("https://127.0.0.1:1 cannot be reached");
    const env = { PULUMI_K8S_DELETE_UNREACHABLE: "true" };
    await program("");
    expect(await engine.destroy({ env })).toMatchObject({ code: 0 });
    await server.kubectl("delete", "configmap", "lost");
  }, 60_000);
});
