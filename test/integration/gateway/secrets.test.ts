/** Secrets by name only. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { TestGateway } from "../../support/gateway.ts";

const SECRETS = "/api/v1/namespaces/openfaas-fn/secrets";
const CANARY = "canary-9b1d";
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});

beforeEach(() => {
  gateway.fake.requests.length = 0;
});

afterAll(() => gateway.stop());

async function call(
  method: string,
  body?: object,
  query = "",
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${gateway.url}/system/secrets${query}`, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

describe("/system/secrets", () => {
  test("creates, lists, replaces and deletes, and never shows a value", async () => {
    const created = await call("POST", { name: "api-key", value: CANARY });
    expect(created).toEqual({ status: 202, text: "" });
    expect(gateway.fake.objects.get(`${SECRETS}/api-key`)).toMatchObject({
      metadata: { labels: { "app.kubernetes.io/managed-by": "plonk" } },
      type: "Opaque",
      data: { "api-key": Buffer.from(CANARY).toString("base64") },
    });
    const listed = await call("GET", undefined, "?namespace=openfaas-fn");
    expect(JSON.parse(listed.text)).toEqual([{ name: "api-key", namespace: "openfaas-fn" }]);
    const raw = Buffer.from([0, 255, 10]).toString("base64");
    expect((await call("PUT", { name: "api-key", rawValue: raw })).status).toBe(202);
    expect(gateway.fake.objects.get(`${SECRETS}/api-key`)?.["data"]).toEqual({ "api-key": raw });
    expect((await call("DELETE", { name: "api-key" })).status).toBe(202);
    expect(JSON.parse((await call("GET")).text)).toEqual([]);
    expect(gateway.log.text()).not.toContain(CANARY);
  });

  test("asks for metadata alone, whatever is done, and when a function mounts one", async () => {
    await call("POST", { name: "held", value: CANARY });
    await call("GET");
    await call("PUT", { name: "held", value: CANARY });
    const body = JSON.stringify({ service: "mounts", image: "example/a:1", secrets: ["held"] });
    const deploy = await fetch(`${gateway.url}/system/functions`, { method: "POST", body });
    expect(deploy.status).toBe(202);
    await call("DELETE", { name: "held" });
    const asked = gateway.fake.requests.filter(({ path }) => path.startsWith(SECRETS));
    expect(asked.map(({ method, accept }) => [method, accept?.split(";")[1]])).toEqual([
      ["POST", "as=PartialObjectMetadata"],
      ["GET", "as=PartialObjectMetadataList"],
      ["GET", "as=PartialObjectMetadata"],
      ["PUT", "as=PartialObjectMetadata"],
      ["GET", "as=PartialObjectMetadata"],
      ["GET", "as=PartialObjectMetadata"],
      ["DELETE", "as=PartialObjectMetadata"],
    ]);
  });

  test("does not create a secret twice, and does not write one that is missing", async () => {
    await call("POST", { name: "twice", value: "x" });
    expect((await call("POST", { name: "twice", value: "y" })).status).toBe(409);
    const text = "error finding secret none.openfaas-fn";
    expect(await call("PUT", { name: "none", value: "x" })).toEqual({ status: 404, text });
    expect(await call("DELETE", { name: "none" })).toEqual({ status: 404, text });
  });

  test("does not touch secrets that are not the platform's", async () => {
    gateway.fake.put(SECRETS, { metadata: { name: "foreign" }, data: {} });
    expect((await call("PUT", { name: "foreign", value: "x" })).status).toBe(404);
    expect((await call("DELETE", { name: "foreign" })).status).toBe(404);
    expect(JSON.parse((await call("GET")).text)).not.toContainEqual(
      expect.objectContaining({ name: "foreign" }),
    );
  });

  test("leaves Pulumi's secrets to Pulumi", async () => {
    const labels = { "app.kubernetes.io/managed-by": "pulumi" };
    const managedFields = [{ manager: "pulumi-kubernetes-1" }];
    gateway.fake.put(SECRETS, { metadata: { name: "owned", labels, managedFields } });
    expect(JSON.parse((await call("GET")).text)).toContainEqual({
      name: "owned",
      namespace: "openfaas-fn",
    });
    expect(await call("DELETE", { name: "owned" })).toEqual({
      status: 409,
      text: "secret owned.openfaas-fn is managed by Pulumi (field manager pulumi-kubernetes-1): change it there",
    });
  });

  test.each([
    [{ name: "Upper", value: CANARY }, /^name: expected 1 to 253 lower-case letters/],
    [{ name: "a/b", value: CANARY }, /^name: expected 1 to 253 lower-case letters/],
    [{ name: "a..b", value: CANARY }, /, got "a\.\.b"$/],
    [{ value: CANARY }, /^name: expected a value, got none$/],
    [{ name: "none", Value: null }, /^value: expected value or rawValue, got neither$/],
    [{ name: "bad", value: { text: CANARY } }, /^value: expected a string, got an object$/],
    [
      { name: "bad", rawValue: `*${CANARY}*` },
      /^rawValue: expected bytes in base64 .*got a string$/,
    ],
    [{ name: "bad", rawValue: "abc" }, /^rawValue: expected bytes in base64/],
    [{ name: "bad", rawValue: [CANARY] }, /^rawValue: expected a string, got an array$/],
    [
      { name: "bad", value: CANARY, rawValue: "AAAA" },
      /^value: expected value or rawValue, got both$/,
    ],
    [
      { name: "bad", valeu: CANARY },
      /^valeu: expected name, namespace, value, rawValue, got another field$/,
    ],
    [
      { name: "big", value: CANARY.repeat(95_326) },
      /^value: expected at most 1048576 bytes, got 1048586$/,
    ],
    [
      { name: "elsewhere", namespace: "kube-system", value: CANARY },
      /^namespace: expected a function namespace, got "kube-system"$/,
    ],
  ])("refuses %# with the field, and does not quote the value", async (body, message) => {
    const { status, text } = await call("POST", body);
    expect([status, text]).toEqual([400, expect.stringMatching(message)]);
    expect(text + gateway.log.text()).not.toContain(CANARY);
    expect(gateway.fake.asked).toEqual([]);
  });

  test("reads what Go's clients send, and refuses a deletion that has a value", async () => {
    const sent = { Name: "go", Namespace: "", Value: "x", RawValue: null };
    expect((await call("POST", sent)).status).toBe(202);
    expect(await call("DELETE", { name: "go", value: CANARY })).toEqual({
      status: 400,
      text: "value: expected none: the name says which secret goes, got a string",
    });
    const deletion = { name: "go", namespace: "", value: "", rawValue: null };
    expect((await call("DELETE", deletion)).status).toBe(202);
  });

  test("shows nothing of a body that is no JSON", async () => {
    const response = await fetch(`${gateway.url}/system/secrets`, {
      method: "POST",
      body: `{"name": "x", "value": ${CANARY}}`,
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    expect(text).toBe("body: expected JSON, got something else at line 1 column 24");
    expect(gateway.log.text()).not.toContain(CANARY);
  });

  test("keeps the largest value, bytes as they are, and an empty one", async () => {
    const raw = Buffer.alloc(1024 * 1024, 255).toString("base64");
    expect((await call("POST", { name: "largest", rawValue: raw })).status).toBe(202);
    expect(gateway.fake.objects.get(`${SECRETS}/largest`)?.["data"]).toEqual({ largest: raw });
    expect((await call("POST", { name: "empty", value: "" })).status).toBe(202);
    expect(gateway.fake.objects.get(`${SECRETS}/empty`)?.["data"]).toEqual({ empty: "" });
  });
});
