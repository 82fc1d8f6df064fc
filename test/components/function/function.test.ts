/** What `Function`, `CallbackFunction` and `FunctionSecret` register, against Pulumi's mocks. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  CallbackFunction,
  Function,
  type FunctionArgs,
  type FunctionHandler,
  FunctionSecret,
} from "../../../components/index.ts";
import { find, recordRegistrations, reveal, valueOf } from "../support/mocks.ts";

/** Every object is the stack's. */
const MANAGER = { "pulumi.com/patchFieldManager": "pulumi-kubernetes/plonk/test" };
const all = recordRegistrations();
const fixtures = join(import.meta.dirname, "../fixtures");

const platform = {
  gatewayUrl: "http://gateway.example",
  functionNamespace: "openfaas-fn",
  runtimeImage: "plonk.local/runtime:1@sha256:04",
};

/** A platform of another stack has no provider at hand. */
const opts = { provider: new k8s.Provider("cluster", { kubeconfig: "{}" }) };

afterAll(() => pulumi.runtime.disconnect());

describe("a function from an image", () => {
  let figlet: Function;

  beforeAll(async () => {
    const args: FunctionArgs = {
      platform,
      image: "ghcr.io/openfaas/figlet:0.1.0",
      fprocess: "figlet -f slant",
      environment: { MODE: "loud", read_timeout: "5s" },
      labels: { team: "words" },
      annotations: { topic: "words.new" },
      secrets: ["api-key"],
      constraints: ["kubernetes.io/arch=arm64"],
      limits: { memory: "128Mi", cpu: "500m" },
      requests: { memory: "32Mi" },
      scale: { min: 2, max: 6, factorPercent: 50, zero: false },
      timeoutSeconds: 20,
      readOnlyRootFilesystem: true,
      private: true,
    };
    figlet = new Function("figlet", args, opts);
    await valueOf(figlet.url);
  });

  it("registers one Function and nothing else below the component", () => {
    expect(all.map(({ type, name }) => `${type} ${name}`)).toEqual([
      "pulumi:providers:kubernetes cluster",
      "plonk:index:Function figlet",
      "kubernetes:openfaas.com/v1:Function figlet-function",
    ]);
  });

  it("says all of it in the spec, the scale as OpenFaaS' labels, and never replicas", () => {
    expect(find(all, "figlet-function").inputs).toEqual({
      apiVersion: "openfaas.com/v1",
      kind: "Function",
      metadata: {
        name: "figlet",
        namespace: "openfaas-fn",
        annotations: { "pulumi.com/waitFor": "condition=Ready", ...MANAGER },
      },
      spec: {
        name: "figlet",
        image: "ghcr.io/openfaas/figlet:0.1.0",
        handler: "figlet -f slant",
        environment: {
          MODE: "loud",
          exec_timeout: "20s",
          read_timeout: "5s",
          write_timeout: "20s",
        },
        labels: {
          team: "words",
          "com.openfaas.scale.min": "2",
          "com.openfaas.scale.max": "6",
          "com.openfaas.scale.factor": "50",
          "com.openfaas.scale.zero": "false",
        },
        annotations: { topic: "words.new", "plonk/private": "true" },
        secrets: ["api-key"],
        constraints: ["kubernetes.io/arch=arm64"],
        limits: { memory: "128Mi", cpu: "500m" },
        requests: { memory: "32Mi" },
        readOnlyRootFilesystem: true,
      },
    });
  });

  it("gives its addresses", async () => {
    expect(await valueOf(figlet.name)).toBe("figlet");
    expect(await valueOf(figlet.url)).toBe("http://gateway.example/function/figlet");
    expect(await valueOf(figlet.asyncUrl)).toBe("http://gateway.example/async-function/figlet");
  });

  it("names another namespace in its address", async () => {
    const other = new Function("other", { platform, image: "x", namespace: "team-a" }, opts);
    expect(await valueOf(other.url)).toBe("http://gateway.example/function/other.team-a");
    expect(find(all, "other-function").inputs).toMatchObject({
      metadata: { namespace: "team-a" },
      spec: { name: "other", image: "x" },
    });
  });
});

describe("a function from a module", () => {
  it("carries the bundle in an immutable ConfigMap that is named after its content", async () => {
    const greeter = new Function("greeter", { platform, code: join(fixtures, "greeter.ts") }, opts);
    await valueOf(greeter.url);
    const map = find(all, "greeter-code").inputs as {
      metadata: { name: string };
      data: Record<string, string>;
    };
    const text = map.data["index.mjs"] ?? "";
    const digest = createHash("sha256").update(text).digest("hex").slice(0, 12);
    expect(map).toEqual({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name: `greeter-${digest}`,
        namespace: "openfaas-fn",
        labels: { faas_function: "greeter" },
      },
      data: { "index.mjs": text },
      immutable: true,
    });
    expect(find(all, "greeter-function").inputs["spec"]).toEqual({
      name: "greeter",
      image: platform.runtimeImage,
      code: { configMap: `greeter-${digest}`, entry: "index.mjs" },
    });
  });

  it("names its code after the logical name where previews may not know its own", async () => {
    const code = join(fixtures, "greeter.ts");
    const late = new Function("Late_One", { platform, name: pulumi.output("late"), code }, opts);
    await valueOf(late.url);
    expect(find(all, "Late_One-code")).toMatchObject({
      type: "kubernetes:core/v1:ConfigMapPatch",
      inputs: {
        metadata: {
          name: expect.stringMatching(/^late-one-[0-9a-f]{12}$/),
          labels: { faas_function: "late" },
        },
      },
    });
  });

  it("takes a file URL, which is how a program names a file beside it", async () => {
    const code = import.meta.resolve("../fixtures/greeter.ts");
    const byUrl = new Function("by-url", { platform, name: "greeter-2", code }, opts);
    await valueOf(byUrl.url);
    expect(find(all, "by-url-code").inputs["data"]).toEqual(
      find(all, "greeter-code").inputs["data"],
    );
  });
});

describe("a function from a closure", () => {
  it("carries it as CommonJS, with what it captures", async () => {
    const greeting = "good day";
    const callback: FunctionHandler = (event) => `${greeting} ${String(event.body)}`;
    const hello = new CallbackFunction("hello", { platform, callback }, opts);
    await valueOf(hello.url);
    const { data } = find(all, "hello-code").inputs as { data: Record<string, string> };
    expect(Object.keys(data)).toEqual(["index.cjs"]);
    expect(data["index.cjs"]).toContain('greeting: "good day"');
    expect(find(all, "hello-function").inputs["spec"]).toMatchObject({
      image: platform.runtimeImage,
      code: { entry: "index.cjs" },
    });
  });
});

describe("a secret for functions", () => {
  it("is a Secret under its own name, kept secret, that functions can list", async () => {
    const secret = new FunctionSecret("api-key", { platform, value: "s3cret" }, opts);
    expect(await valueOf(secret.name)).toBe("api-key");
    const { inputs } = find(all, "api-key-secret");
    expect(JSON.stringify(inputs)).toContain(pulumi.runtime.specialSecretSig);
    expect(JSON.stringify(inputs)).not.toContain("s3cret");
    expect(reveal(inputs)).toEqual({
      apiVersion: "v1",
      kind: "Secret",
      metadata: {
        name: "api-key",
        namespace: "openfaas-fn",
        labels: { "app.kubernetes.io/managed-by": "pulumi" },
        annotations: MANAGER,
      },
      type: "Opaque",
      data: { "api-key": Buffer.from("s3cret").toString("base64") },
    });
  });

  it("does not make the function that lists it secret", async () => {
    const secret = new FunctionSecret("other-key", { platform, value: "s3cret" }, opts);
    const user = new Function("user", { platform, image: "x", secrets: [secret.name] }, opts);
    await valueOf(user.url);
    expect(JSON.stringify(find(all, "user-function").inputs)).not.toContain(
      pulumi.runtime.specialSecretSig,
    );
  });
});

describe("arguments that are empty texts", () => {
  const nothing = { namespace: "", fprocess: "", limits: { cpu: "" } };

  it("say nothing, beside an image", async () => {
    const args = { platform, image: "x", code: "", ...nothing, requests: { memory: "" } };
    const empty = new Function("empty", args, opts);
    expect(await valueOf(empty.url)).toBe("http://gateway.example/function/empty");
    expect(find(all, "empty-function").inputs).toMatchObject({
      metadata: { name: "empty", namespace: "openfaas-fn" },
    });
    expect(find(all, "empty-function").inputs["spec"]).toStrictEqual({
      ...{ name: "empty", image: "x", limits: {}, requests: {} },
    });
  });

  it("say nothing, beside code", async () => {
    const code = join(fixtures, "greeter.ts");
    const coded = new Function("coded", { platform, code, image: "", ...nothing }, opts);
    await valueOf(coded.url);
    const { spec } = find(all, "coded-function").inputs as { spec: object };
    expect(spec).toMatchObject({ name: "coded", image: platform.runtimeImage });
    expect(spec).not.toHaveProperty("handler");
  });

  it("say nothing, when that is known later", async () => {
    const later = pulumi.output("");
    const args = {
      platform,
      image: "x",
      namespace: later,
      fprocess: later,
      requests: { cpu: later },
    };
    const tardy = new Function("tardy", args, opts);
    expect(await valueOf(tardy.url)).toBe("http://gateway.example/function/tardy");
    const { metadata, spec } = find(all, "tardy-function").inputs as Record<string, object>;
    expect(metadata).toMatchObject({ namespace: "openfaas-fn" });
    expect(spec).toStrictEqual({ name: "tardy", image: "x", requests: {} });
  });

  it("name no other namespace for secrets", async () => {
    const secret = new FunctionSecret("placed", { platform, value: "", namespace: "" }, opts);
    await valueOf(secret.name);
    expect(find(all, "placed-secret").inputs).toMatchObject({
      metadata: { name: "placed", namespace: "openfaas-fn" },
    });
  });

  it.each<[string, FunctionArgs]>([
    ["code, image: expected exactly one of them, got neither", { platform, image: "" }],
    ["code, image: expected exactly one of them, got neither", { platform, code: "", image: "" }],
    ["code, image: expected exactly one of them, got both", { platform, code: "y", image: "x" }],
  ])("are no source: %s for %j", (message, args) => {
    expect(() => new Function("wrong", args, opts)).toThrow(expect.objectContaining({ message }));
  });
});

describe("wrong arguments", () => {
  it.each<[string, () => unknown]>([
    [
      "code, image: expected exactly one of them, got both",
      () => new Function("wrong", { platform, image: "x", code: "y" }),
    ],
    [
      "code, image: expected exactly one of them, got neither",
      () => new Function("wrong", { platform }),
    ],
    [
      "fprocess: expected image beside it, got code",
      () => new Function("wrong", { platform, code: "y", fprocess: "cat" }),
    ],
    [
      "callback: expected a function, got string",
      () => new CallbackFunction("wrong", { platform, callback: "x" as never }, opts),
    ],
  ])("refuses at once: %s", (message, make) => {
    expect(make).toThrow(expect.objectContaining({ message, hideStack: true }));
  });
});
