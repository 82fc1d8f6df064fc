/** Where a request says its namespace. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { FunctionNamespaces } from "../../../../services/gateway/cluster/namespaces.ts";
import {
  readFunction,
  readReference,
  type SentNamespaces,
} from "../../../../services/gateway/system/reference.ts";
import type { KubernetesClient } from "../../../../services/lib/kubernetes.ts";
import { FakeKubernetes } from "../../../support/fake-kubernetes.ts";
import { createKeptLog } from "../../../support/logs.ts";

const fake = new FakeKubernetes();
let client: KubernetesClient;
let namespaces: FunctionNamespaces;

beforeAll(async () => {
  client = await fake.start();
  fake.put("/api/v1/namespaces", { metadata: { name: "home" } });
  fake.put("/api/v1/namespaces", { metadata: { name: "kube-system" } });
  fake.put("/api/v1/namespaces", { metadata: { name: "team-a", annotations: { openfaas: "1" } } });
  namespaces = new FunctionNamespaces({
    client,
    logger: createKeptLog().logger,
    functionNamespace: "home",
    platformNamespace: "openfaas",
    isClusterScoped: true,
  });
  await namespaces.start();
});

afterAll(async () => {
  await namespaces.stop();
  await client.close();
  await fake.stop();
});

describe("readReference", () => {
  test.each<[SentNamespaces, string]>([
    [{}, "home"],
    [{ body: "", query: "" }, "home"],
    [{ body: "team-a" }, "team-a"],
    [{ query: "team-a" }, "team-a"],
    [{ body: "team-a", query: "team-a" }, "team-a"],
    [{ body: "", query: "team-a" }, "team-a"],
  ])("reads %j as %s", (sent, namespace) => {
    expect(readReference({ namespaces }, "f", sent)).toEqual({ name: "f", namespace });
  });

  test("refuses two that differ, and names both", () => {
    expect(() => readReference({ namespaces }, "f", { body: "team-a", query: "home" })).toThrow(
      'namespace: expected one, got "team-a" in the body and "home" in the query',
    );
  });

  test("refuses one that holds no functions", () => {
    expect(() => readReference({ namespaces }, "f", { query: "kube-system" })).toThrow(
      'namespace: expected a function namespace, got "kube-system"',
    );
  });

  test("takes dots for part of a name, as secrets have them", () => {
    const reference = readReference({ namespaces }, "api.key", {});
    expect(reference).toEqual({ name: "api.key", namespace: "home" });
  });
});

describe("readFunction", () => {
  test("reads name.namespace", () => {
    const expected = { name: "f", namespace: "team-a" };
    expect(readFunction({ namespaces }, "f.team-a", {})).toEqual(expected);
    expect(readFunction({ namespaces }, "f.team-a", { body: "team-a" })).toEqual(expected);
    expect(readFunction({ namespaces }, "f", { query: "team-a" })).toEqual(expected);
  });

  test("refuses another namespace beside it", () => {
    expect(() => readFunction({ namespaces }, "f.team-a", { query: "home" })).toThrow(
      'namespace: expected one, got "home" in the query and "team-a" in the name',
    );
  });
});
