/** Which namespaces hold functions, and which Functions are shown of them. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { FunctionWatch, waitUntilSeen } from "../../../../services/gateway/cluster/functions.ts";
import {
  FunctionNamespaces,
  toNamespace,
} from "../../../../services/gateway/cluster/namespaces.ts";
import type { KubernetesClient } from "../../../../services/lib/kubernetes.ts";
import { FakeKubernetes } from "../../../support/fake-kubernetes.ts";
import { createKeptLog } from "../../../support/logs.ts";

const NAMESPACES = "/api/v1/namespaces";
const functionsOf = (namespace: string): string =>
  `/apis/openfaas.com/v1/namespaces/${namespace}/functions`;

const { logger } = createKeptLog();
let fake: FakeKubernetes;
let client: KubernetesClient;
let namespaces: FunctionNamespaces;
let functions: FunctionWatch;

beforeEach(async () => {
  fake = new FakeKubernetes();
  client = await fake.start();
});

afterEach(async () => {
  await Promise.all([namespaces.stop(), functions.stop()]);
  await client.close();
  await fake.stop();
});

async function start(isClusterScoped = true): Promise<void> {
  namespaces = new FunctionNamespaces({
    ...{ client, logger, isClusterScoped },
    functionNamespace: "home",
    platformNamespace: "platform",
  });
  functions = new FunctionWatch({ client, logger, namespaces });
  functions.start();
  await Promise.all([namespaces.start(), functions.waitForSync()]);
}

async function put(name: string, metadata: object = {}): Promise<void> {
  fake.put(NAMESPACES, { metadata: { name, ...metadata } });
  await fake.settle();
}

function declare(name: string, namespace: string): void {
  const extra = { finalizers: ["x"], managedFields: [{ manager: "m" }], annotations: { a: "1" } };
  fake.put(functionsOf(namespace), {
    apiVersion: "openfaas.com/v1",
    kind: "Function",
    metadata: { name, ...extra },
    spec: { name, image: "i" },
    status: { replicas: 2, availableReplicas: 1, conditions: [{ type: "Ready" }] },
  });
}

const shown = (): string[] =>
  Array.from(functions.values(), ({ metadata }) => `${metadata.namespace}/${metadata.name}`).sort();

const MARK = { annotations: { openfaas: "1" } };

describe("a namespace", () => {
  test.each<[string, object, boolean]>([
    ["a", MARK, true],
    ["a", { labels: { openfaas: "1" } }, true],
    ["a", {}, false],
    ["a", { annotations: { openfaas: "true" } }, false],
    ["a", { annotations: { openfaas: "" } }, false],
    ["a", { ...MARK, deletionTimestamp: "2026-01-01T00:00:00Z" }, false],
    ["platform", MARK, false],
    ["kube-system", MARK, false],
    ["home", {}, true],
  ])("%s with %j holds functions: %s", async (name, metadata, expected) => {
    await start();
    await put(name, metadata);
    expect(namespaces.has(name)).toBe(expected);
  });

  test("comes and goes with its mark, and the default one stays", async () => {
    await start();
    await put("b", MARK);
    await put("a", MARK);
    expect(namespaces.list()).toEqual(["a", "b", "home"]);
    await put("b", { annotations: {} });
    fake.remove(NAMESPACES, "a");
    await put("home");
    fake.remove(NAMESPACES, "home");
    await fake.settle();
    expect(namespaces.list()).toEqual(["home"]);
  });

  test.each<[object, boolean]>([
    [{ annotations: { openfaas: "1", "plonk/prepared": "2026" } }, true],
    [MARK, false],
    [{ ...MARK, labels: { "plonk/prepared": "1" } }, false],
  ])("with %j is prepared: %s", async (metadata, expected) => {
    await start();
    await put("a", metadata);
    expect(namespaces.isPrepared("a")).toBe(expected);
  });

  test("keeps none of its other labels and annotations in memory", async () => {
    await start();
    await put("a", { labels: { team: "x" }, annotations: { openfaas: "1", note: "long" } });
    expect(namespaces.watch?.get("a")).toEqual({
      metadata: {
        name: "a",
        resourceVersion: expect.any(String),
        labels: {},
        annotations: { openfaas: "1" },
      },
    });
  });
});

describe("a gateway of one namespace", () => {
  test("looks at no other, and asks for no list of them", async () => {
    await put("a", MARK);
    declare("f", "home");
    declare("f", "a");
    await start(false);
    expect([namespaces.list(), namespaces.scope, namespaces.watch]).toEqual([
      ["home"],
      "home",
      undefined,
    ]);
    expect([shown(), namespaces.problem(), namespaces.isPrepared("home")]).toEqual([
      ["home/f"],
      undefined,
      false,
    ]);
    expect(fake.requests.map(({ path }) => path)).not.toContain(NAMESPACES);
  });
});

describe("Functions", () => {
  test("are shown where their namespace holds functions, at the moment it does", async () => {
    declare("f", "home");
    declare("g", "a");
    declare("g", "platform");
    await start();
    expect([shown(), functions.get("a/g")]).toEqual([["home/f"], undefined]);
    await put("a", MARK);
    expect([shown(), functions.get("a/g")?.spec.image]).toEqual([["a/g", "home/f"], "i"]);
    await put("a", { annotations: {} });
    expect([shown(), functions.get("a/g")]).toEqual([["home/f"], undefined]);
  });

  test("are kept without what the gateway never reads", async () => {
    declare("f", "home");
    await start();
    expect(functions.get("home/f")).toEqual({
      apiVersion: "openfaas.com/v1",
      kind: "Function",
      metadata: {
        name: "f",
        namespace: "home",
        resourceVersion: expect.any(String),
        creationTimestamp: "2026-01-02T03:04:05Z",
        uid: "uid-f",
      },
      spec: { name: "f", image: "i" },
      status: { replicas: 2, availableReplicas: 1 },
    });
  });

  test("that were written are waited for until they are shown as they were written", async () => {
    await start();
    declare("f", "home");
    await fake.settle();
    const version = Number(functions.get("home/f")?.metadata.resourceVersion);
    await waitUntilSeen(functions, "home/f", String(version));
    await waitUntilSeen(functions, "home/f", String(version - 1));
    let isSeen = false;
    const seen = waitUntilSeen(functions, "home/f", String(version + 1)).then(
      () => (isSeen = true),
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSeen).toBe(false);
    declare("f", "home");
    await seen;
    expect(functions.get("home/f")?.metadata.resourceVersion).toBe(String(version + 1));
  });

  test("are compared by the number of their version, not by its text", async () => {
    await start();
    declare("f", "home");
    await fake.settle();
    // "99" would be the greater one as a text.
    let isSeen = false;
    void waitUntilSeen(functions, "home/f", "99").then(() => (isSeen = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect([isSeen, Number(functions.get("home/f")?.metadata.resourceVersion) > 99]).toEqual([
      true,
      true,
    ]);
  });

  test("that were deleted are waited for until they are gone", async () => {
    declare("f", "home");
    await start();
    const seen = waitUntilSeen(functions, "home/f", undefined);
    fake.remove(functionsOf("home"), "f");
    await seen;
    expect(functions.get("home/f")).toBeUndefined();
  });
});

describe("toNamespace", () => {
  const known = { namespaces: { home: "home", has: (name: string) => name === "a" } };

  test.each([
    [undefined, "home"],
    ["", "home"],
    ["a", "a"],
  ])("of %j is %s", (sent, expected) => {
    expect(toNamespace(known as unknown as Parameters<typeof toNamespace>[0], sent)).toBe(expected);
  });

  test("quotes what is none", () => {
    const context = known as unknown as Parameters<typeof toNamespace>[0];
    expect(() => toNamespace(context, 'x"')).toThrow(
      'namespace: expected a function namespace, got "x\\""',
    );
  });
});
