/** Pulumi's Kubernetes plugin as we build it, in the real engine against a real API server. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type ApiServer, startApiServer } from "../../support/apiserver.ts";
import { createEngine, type Engine, type RunResult } from "../../support/pulumi.ts";

/** Each operation of the engine takes seconds, on a busy machine many. */
const TIMEOUT_MS = 600_000;

let server: ApiServer;
let engine: Engine;

beforeAll(async () => {
  server = await startApiServer();
  engine = await createEngine({
    plugins: ["kubernetes"],
    env: { KUBECONFIG: server.kubeconfigPath },
  });
}, TIMEOUT_MS);

afterAll(async () => {
  await engine.remove();
  await server.stop();
});

function program(...lines: string[]): Promise<void> {
  return engine.program(`import * as k8s from "@pulumi/kubernetes";\n${lines.join("\n")}`);
}

function errorsOf(result: RunResult): string {
  const errors = result.diagnostics.filter(({ severity }) => severity === "error");
  return errors.map(({ message }) => message).join("\n");
}

/** Runs `up` and expects it to succeed. */
async function up(): Promise<RunResult> {
  const result = await engine.up();
  expect({ code: result.code, errors: errorsOf(result) }).toEqual({ code: 0, errors: "" });
  return result;
}

/** What was done with a resource, without what changes nothing. */
function opsOf(result: RunResult, name: string): string[] {
  const steps = result.steps.filter((step) => step.name === name);
  return steps.map(({ op }) => op).filter((op) => op !== "same" && op !== "refresh");
}

describe("objects", () => {
  const declare = (data: string): Promise<void> =>
    program(
      `const data = ${data};`,
      `new k8s.core.v1.ConfigMap("free", { data });`,
      `new k8s.core.v1.ConfigMap("fixed", { metadata: { name: "fixed" }, data });`,
      `new k8s.core.v1.ServiceAccount("account", {`,
      `  metadata: { name: "account", labels: data } });`,
      `new k8s.core.v1.Secret("token", { stringData: { key: "open-sesame" } });`,
      `new k8s.autoscaling.v2.HorizontalPodAutoscaler("web", { spec: {`,
      `  maxReplicas: 1, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "x" } } });`,
    );

  it(
    "are planned, created, left alone, changed, and changed back",
    async () => {
      await declare('{ a: "1" }');
      expect((await engine.preview()).changes).toEqual({ create: 6 });
      expect(await server.kubectl("get", "serviceaccount", "-o=name")).not.toContain("/account");
      expect((await up()).changes).toEqual({ create: 6 });
      expect((await engine.preview()).changes).toEqual({ same: 6 });
      expect((await engine.refresh()).changes).toEqual({ same: 6 });
      expect(await engine.state()).not.toContain("open-sesame");
      expect(await engine.state()).not.toContain(Buffer.from("open-sesame").toString("base64"));
      for (const value of ["2", "1"]) {
        await declare(`{ a: "${value}" }`);
        const result = await up();
        expect(opsOf(result, "account")).toEqual(["update"]);
        expect(opsOf(result, "free")).toEqual(["create-replacement", "replace", "delete-replaced"]);
        expect(opsOf(result, "fixed")).toEqual([
          "delete-replaced",
          "replace",
          "create-replacement",
        ]);
        const data = await server.kubectl("get", "configmap", "fixed", "-o=jsonpath={.data.a}");
        expect(data).toBe(value);
      }
    },
    TIMEOUT_MS,
  );

  it(
    "that others changed are shown by a refresh",
    async () => {
      await server.kubectl("label", "serviceaccount", "account", "--overwrite", "a=changed");
      expect(opsOf(await engine.refresh(), "account")).toEqual(["update"]);
    },
    TIMEOUT_MS,
  );

  it(
    "that a killed update has left are applied again",
    async () => {
      const manifest =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: left, namespace: default}}";
      await server.apply(manifest, "pulumi-kubernetes-killed");
      await program(
        `new k8s.core.v1.ConfigMap("left", {`,
        `  metadata: { name: "left" }, data: { a: "b" } });`,
      );
      expect(opsOf(await up(), "left")).toEqual(["create"]);
      const data = await server.kubectl("get", "configmap", "left", "-o=jsonpath={.data}");
      expect(JSON.parse(data)).toEqual({ a: "b" });
    },
    TIMEOUT_MS,
  );
});

describe("a server that does not answer", () => {
  it(
    "is said to be unreachable, and its objects are let go when told so",
    async () => {
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
      expect(refreshed.output).toContain("unreachable");
      await program("");
      const env = { PULUMI_K8S_DELETE_UNREACHABLE: "true" };
      expect(await engine.destroy({ env })).toMatchObject({ code: 0 });
    },
    TIMEOUT_MS,
  );
});

describe("an object that is waited for", () => {
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

  it(
    "fails after its time, is kept, and is finished by the next update",
    async () => {
      await program(
        DEFINITION,
        `new k8s.apiextensions.CustomResource("gadget", {`,
        `  apiVersion: "example.com/v1", kind: "Gadget",`,
        `  metadata: { name: "gadget", annotations: {`,
        `    "pulumi.com/waitFor": "condition=Ready", "pulumi.com/timeoutSeconds": "2" } },`,
        `}, { dependsOn: crd });`,
      );
      const failed = await engine.up();
      expect(failed.code).not.toBe(0);
      expect(await engine.state()).toMatch(/"id": ?"default\/gadget"/);
      await server.kubectl(
        "patch",
        "gadget",
        "gadget",
        "--subresource=status",
        "--type=merge",
        `--patch={"status":{"conditions":[{"type":"Ready","status":"True","reason":"Done"}]}}`,
      );
      expect(opsOf(await up(), "gadget")).toEqual(["update"]);
      expect(opsOf(await engine.destroy(), "gadget")).toEqual(["delete"]);
    },
    TIMEOUT_MS,
  );
});
