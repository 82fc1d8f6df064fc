/** Wrong arguments in the real engine: one clear line, on the row of the resource. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createEngine, type Engine, type RunResult } from "../support/pulumi.ts";

const notCallable = join(import.meta.dirname, "fixtures/not-callable.js");
const components = import.meta.resolve("../../components/index.ts");
const minute = 60_000;

const HEAD = `
  import * as k8s from "@pulumi/kubernetes";
  import * as pulumi from "@pulumi/pulumi";
  import { CallbackFunction, Function, FunctionSecret, platformFromStack, ServiceImage } from ${JSON.stringify(components)};
  import * as os from "node:os";
  const provider = new k8s.Provider("nowhere", { kubeconfig: "{}" });
  const platform = {
    gatewayUrl: "http://gateway.example", functionNamespace: "openfaas-fn", runtimeImage: "rt",
  };
  const secret = pulumi.secret("hunter2");
`;

let engine: Engine;

beforeAll(async () => {
  engine = await createEngine({ plugins: ["kubernetes"] });
}, 3 * minute);

afterAll(() => engine.remove());

async function preview(statement: string): Promise<RunResult> {
  await engine.program(`${HEAD}\n${statement}`);
  return engine.preview();
}

function errorsOf(result: RunResult): [string, string][] {
  return result.diagnostics
    .filter(({ severity }) => severity === "error")
    .map(({ urn, message }) => [urn.split("::").slice(-2).join(" "), message]);
}

describe("a wrong argument", () => {
  it.each([
    [
      "scale",
      'new Function("f", { platform, image: "x", scale: { min: 5, max: 2 } }, { provider });',
      "plonk:index:Function f",
      "scale.min: expected at most scale.max (2), got 5",
    ],
    [
      "name",
      'new Function("Bad_Name", { platform, image: "x" }, { provider });',
      "plonk:index:Function Bad_Name",
      'name: expected 1 to 63 lower-case letters, digits and hyphens, with a letter at the beginning and no hyphen at the end, as names of Services have it (RFC 1035), got "Bad_Name"',
    ],
    [
      "a name without a Service",
      'new Function("two-factor", { platform, name: "2fa-check", image: "x" }, { provider });',
      "plonk:index:Function two-factor",
      'name: expected 1 to 63 lower-case letters, digits and hyphens, with a letter at the beginning and no hyphen at the end, as names of Services have it (RFC 1035), got "2fa-check"',
    ],
    [
      "a label that is a sentence",
      'new Function("f", { platform, image: "x", labels: { description: "resizes the pictures of users" } }, { provider });',
      "plonk:index:Function f",
      'labels.description: expected at most 63 letters, digits, -, _ and ., with a letter or digit at both ends, or nothing, got "resizes the pictures of users"',
    ],
    [
      "a scale that is no number",
      'new Function("f", { platform, image: "x", labels: { "com.openfaas.scale.min": "many" } }, { provider });',
      "plonk:index:Function f",
      'labels["com.openfaas.scale.min"]: expected a whole number from 0 to 1000, got "many"',
    ],
    [
      "an annotation with two slashes",
      'new Function("f", { platform, image: "x", annotations: { "a/b/c": "d" } }, { provider });',
      "plonk:index:Function f",
      'annotations: expected a key of at most 63 letters, digits, -, _ and . after an optional DNS name and slash, got "a/b/c"',
    ],
    [
      "a variable with =",
      'new Function("f", { platform, image: "x", environment: { "A=B": "x" } }, { provider });',
      "plonk:index:Function f",
      'environment: expected a name in printable ASCII without =, got "A=B"',
    ],
    [
      "a variable with a NUL",
      'new Function("f", { platform, image: "x", environment: { A: "x\\0y" } }, { provider });',
      "plonk:index:Function f",
      "environment.A: expected a text without a NUL (U+0000), got a string",
    ],
    [
      "a time-out that is none",
      'new Function("f", { platform, image: "x", environment: { exec_timeout: "soon" } }, { provider });',
      "plonk:index:Function f",
      'environment.exec_timeout: expected a duration such as 30s, at most 24h, got "soon"',
    ],
    [
      "a name twice",
      'new Function("f", { platform, image: "x" }, { provider }); new Function("g", { platform, name: "f", image: "y" }, { provider });',
      "plonk:index:Function g",
      'name: expected another one than the function "f" has, got "f"',
    ],
    [
      "a secret's name twice",
      'new FunctionSecret("s", { platform, value: "x" }, { provider }); new FunctionSecret("t", { platform, name: "s", value: "y" }, { provider });',
      "plonk:index:FunctionSecret t",
      'name: expected another one than the secret "s" has, got "s"',
    ],
    [
      "no provider",
      'new Function("f", { platform, image: "x" }, { parent: new pulumi.ComponentResource("t:i:T", "t") });',
      "t:i:T$plonk:index:Function f",
      "opts.provider: expected the Kubernetes provider of the platform's cluster, got none; name it in the options, or give the Platform itself as platform",
    ],
    [
      "no time",
      'new Function("f", { platform, image: "x", timeoutSeconds: 0 }, { provider });',
      "plonk:index:Function f",
      "timeoutSeconds: expected a whole number from 1 to 86400, got 0",
    ],
    [
      "no image",
      'new Function("f", { platform, image: "", code: "" }, { provider });',
      "plonk:index:Function f",
      "code, image: expected exactly one of them, got neither",
    ],
    [
      "no namespace, and no name of one",
      'new FunctionSecret("s", { platform, value: "x", namespace: " " }, { provider });',
      "plonk:index:FunctionSecret s",
      'namespace: expected 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends (RFC 1123), got " "',
    ],
    [
      "captured import",
      'new CallbackFunction("f", { platform, callback: () => os.hostname() }, { provider });',
      "plonk:index:CallbackFunction f",
      'callback: expected no captured import, got os from "node:os"; load it inside the callback with await import("node:os")',
    ],
    [
      "default export",
      `new Function("f", { platform, code: ${JSON.stringify(notCallable)} }, { provider });`,
      "plonk:index:Function f",
      "code: expected a function or an object with fetch(request) as default export, got 42",
    ],
  ])(
    "(%s) fails the preview with one line on that resource",
    async (...[, statement, resource, message]) => {
      const result = await preview(statement);
      expect(errorsOf(result)).toEqual([[resource, message]]);
      expect(result.code).not.toBe(0);
      expect(result.output).not.toMatch(/^\s+at /m);
    },
    3 * minute,
  );

  it(
    "(an image that a node could not run) is told when the cluster has said what it has",
    async () => {
      const result = await preview(`
        const asked = new Promise((resolve) => setTimeout(() => resolve(["amd64", "arm64"]), 100));
        const cluster = {
          imageDelivery: { mode: "registry", targets: [], registry: "r.example.com" },
          architectures: pulumi.output(asked), identity: pulumi.output("x"),
        };
        const image = { reference: "plonk.local/a:1@sha256:${"ab".repeat(32)}", archives: { arm64: "/a.tar" } };
        new ServiceImage("a", { image, cluster });`);
      expect(errorsOf(result)[0]).toEqual([
        "plonk:index:ServiceImage a",
        "image.archives: expected one for amd64 (which nodes have), got arm64",
      ]);
      expect(result.code).not.toBe(0);
      expect(result.output).not.toMatch(/^\s+at /m);
    },
    3 * minute,
  );

  it(
    "(a stack without a platform) is told on the reference to it",
    async () => {
      const stack = "organization/trial/test";
      const result = await preview(
        `new FunctionSecret("s", { platform: platformFromStack("${stack}"), value: "x" });`,
      );
      expect(errorsOf(result)[0]).toEqual([
        `pulumi:pulumi:StackReference ${stack}`,
        "output platform: expected the `reference` of a Platform, got none",
      ]);
      expect(result.code).not.toBe(0);
      expect(result.output).not.toMatch(/^\s+at /m);
    },
    3 * minute,
  );

  it(
    "(missing file) names the path",
    async () => {
      const result = await preview(
        'new Function("f", { platform, code: "./nope.ts" }, { provider });',
      );
      expect(errorsOf(result)).toEqual([
        [
          "plonk:index:Function f",
          `code: expected a file, got none at ${join(engine.directory, "nope.ts")}`,
        ],
      ]);
    },
    3 * minute,
  );

  it.each([
    [
      "secret",
      "() => secret.get()",
      'captured "secret" is a secret; pass it as a FunctionSecret in secrets and read /var/openfaas/secrets/<name>',
    ],
    [
      "weak map",
      "() => state.cache.has(state)",
      'captured "state.cache" is a WeakMap, which cannot be carried; make it inside the callback',
    ],
  ])(
    "(captured %s) is told on the resource, and the secret is not",
    async (_what, callback, message) => {
      const result = await preview(`
        const state = { cache: new WeakMap(), rest: secret };
        new CallbackFunction("f", { platform, callback: ${callback} }, { provider });`);
      expect(errorsOf(result)).toContainEqual([
        "plonk:index:CallbackFunction f",
        `callback: ${message}`,
      ]);
      expect(result.code).not.toBe(0);
      expect(result.output).not.toContain("hunter2");
      expect(result.output).not.toMatch(/^\s+at /m);
    },
    3 * minute,
  );
});
