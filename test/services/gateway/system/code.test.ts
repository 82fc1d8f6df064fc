/** Code is kept once for each text, and what is about to go is not relied upon. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { FunctionResource } from "../../../../contract/index.ts";
import {
  checkCode,
  readCode,
  storeCode,
  toCodeReference,
} from "../../../../services/gateway/system/code.ts";
import type { KubernetesClient } from "../../../../services/lib/kubernetes.ts";
import { FakeKubernetes } from "../../../support/fake-kubernetes.ts";

const MAPS = "/api/v1/namespaces/ns/configmaps";
const TEXT = "export default () => 'gr\u00fc\u00df dich'";
const reference = { name: "f", namespace: "ns" };
const fake = new FakeKubernetes();
let client: KubernetesClient;

beforeAll(async () => {
  client = await fake.start();
});

afterAll(async () => {
  await client.close();
  await fake.stop();
});

const store = (uid?: string): Promise<void> => storeCode(client, reference, { text: TEXT, uid });
const mapName = toCodeReference("f", TEXT).configMap;

describe("checkCode", () => {
  test("refuses more than 256 KiB, in bytes", async () => {
    const text = `export default "${"\u00fc".repeat(131_072)}"`;
    await expect(checkCode(text)).rejects.toThrow(
      "code: expected at most 262144 bytes, got 262161",
    );
  });

  test("refuses text that UTF-8 cannot say", async () => {
    await expect(checkCode("export default '\ud800'")).rejects.toThrow(
      "code: expected Unicode, got half of a surrogate pair",
    );
  });

  test("names the field", async () => {
    await expect(checkCode("export default (")).rejects.toThrow("code: Unexpected end of input");
  });
});

describe("storeCode", () => {
  test("writes an immutable ConfigMap that is named after the content", async () => {
    await store();
    const digest = createHash("sha256").update(TEXT, "utf8").digest("hex").slice(0, 12);
    expect(mapName).toBe(`f-${digest}`);
    expect(fake.objects.get(`${MAPS}/${mapName}`)).toMatchObject({
      metadata: { name: mapName, namespace: "ns", labels: { faas_function: "f" } },
      data: { "index.mjs": TEXT },
      immutable: true,
    });
  });

  test("leaves a text that is there alone", async () => {
    const version = fake.objects.get(`${MAPS}/${mapName}`)?.metadata["resourceVersion"];
    await store();
    expect(fake.objects.get(`${MAPS}/${mapName}`)?.metadata["resourceVersion"]).toBe(version);
    const resource = { metadata: reference, spec: { code: { configMap: mapName } } };
    expect(await readCode(client, resource as FunctionResource)).toBe(TEXT);
  });

  test("takes a revision of the same Function again at once", async () => {
    const ownerReferences = [{ uid: "mine" }];
    fake.put(MAPS, { ...stored(), metadata: { name: mapName, ownerReferences } });
    const known = fake.requests.length;
    await store("mine");
    // It was not waited for.
    expect(fake.requests.slice(known).map(({ method }) => method)).toEqual(["POST", "GET"]);
  });

  test("waits for a revision to go that belongs to a deleted Function", async () => {
    const ownerReferences = [{ uid: "gone" }];
    fake.put(MAPS, { ...stored(), metadata: { name: mapName, ownerReferences } });
    const tries: string[] = [];
    fake.intercept = ({ method }) => {
      tries.push(method);
      if (tries.length === 5) {
        fake.remove(MAPS, mapName);
      }
      return false;
    };
    await store();
    fake.intercept = () => false;
    expect(tries).toEqual(["POST", "GET", "POST", "GET", "POST"]);
    const { metadata } = fake.objects.get(`${MAPS}/${mapName}`) ?? {};
    expect(metadata).toBeDefined();
    expect(metadata).not.toHaveProperty("ownerReferences");
  });

  test("refuses a ConfigMap of that name with something else in it", async () => {
    fake.put(MAPS, { ...stored(), data: { "index.mjs": "other" } });
    await expect(store()).rejects.toThrow(`ConfigMap ${mapName}.ns exists with another content`);
  });

  function stored(): { metadata: { name: string }; [key: string]: unknown } {
    const known = fake.objects.get(`${MAPS}/${mapName}`);
    return { ...known, metadata: { name: mapName } };
  }
});

describe("readCode", () => {
  test("knows no text of a function without code, or whose code is gone", async () => {
    const image = { metadata: reference, spec: {} };
    expect(await readCode(client, image as FunctionResource)).toBeUndefined();
    const lost = { metadata: reference, spec: { code: { configMap: "f-lost" } } };
    expect(await readCode(client, lost as FunctionResource)).toBeUndefined();
  });
});
