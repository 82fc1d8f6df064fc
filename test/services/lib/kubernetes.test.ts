/** The API client against a server on loopback. */
import type { ServerResponse } from "node:http";
import { Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import {
  isKubernetesStatus,
  KubernetesClient,
  KubernetesError,
  resourcePath,
} from "../../../services/lib/kubernetes.ts";
import { FakeKubernetes } from "../../support/fake-kubernetes.ts";

const fake = new FakeKubernetes();
const collection = "/api/v1/namespaces/a/secrets";
let client: KubernetesClient;

beforeAll(async () => {
  client = await fake.start();
});

beforeEach(() => {
  fake.requests.length = 0;
  fake.intercept = () => false;
});

afterAll(async () => {
  await client.close();
  await fake.stop();
});

describe("resourcePath", () => {
  test.each([
    [{ plural: "pods" }, "/api/v1/pods"],
    [{ plural: "pods", namespace: "a", name: "b" }, "/api/v1/namespaces/a/pods/b"],
    [
      { group: "apps", plural: "deployments", namespace: "a", name: "b", subresource: "scale" },
      "/apis/apps/v1/namespaces/a/deployments/b/scale",
    ],
    [{ plural: "pods", namespace: "a/b", name: "../c" }, "/api/v1/namespaces/a%2Fb/pods/..%2Fc"],
  ])("of %j is %s", (reference, path) => {
    expect(resourcePath(reference)).toBe(path);
  });

  test.each(["", ".", ".."])("of an object %j is none: URLs are cleaned on their way", (name) => {
    const message = `name: expected that of an object, got "${name}"`;
    expect(() => resourcePath({ plural: "pods", namespace: "a", name })).toThrow(
      new KubernetesError(message, 404, "NotFound"),
    );
    expect(() => resourcePath({ plural: "pods", namespace: name })).toThrow(message);
  });
});

describe("KubernetesClient", () => {
  test("asks ten seconds into a silence whether the server is still there", async () => {
    const keepAlive = jest.spyOn(Socket.prototype, "setKeepAlive");
    const other = new KubernetesClient({ server: await serverOf(client) });
    await other.request(collection);
    expect(keepAlive.mock.calls).toContainEqual([true, 10_000]);
    keepAlive.mockRestore();
    await other.close();
  });

  test("leaves undefined query values out", async () => {
    await client.request(collection, { query: { limit: 5, continue: undefined, watch: false } });
    expect([...(fake.requests[0]?.query ?? [])]).toEqual([
      ["limit", "5"],
      ["watch", "false"],
    ]);
  });

  test("applies with its field manager, forced only when asked to", async () => {
    const object = { metadata: { name: "x" }, spec: {} };
    await client.apply(`${collection}/x`, object, { fieldManager: "me" });
    await client.apply(`${collection}/x`, object, { fieldManager: "me", force: true });
    expect(fake.requests.map(({ query }) => query.toString())).toEqual([
      "fieldManager=me",
      "fieldManager=me&force=true",
    ]);
  });

  test("asks for metadata alone, whatever is done, and gets no contents", async () => {
    const object = { metadata: { name: "held" }, data: { key: "canary" } };
    const as = "PartialObjectMetadata";
    const held = `${collection}/held`;
    const answers = [
      await client.request(collection, { method: "POST", body: object, as }),
      await client.apply(held, object, { fieldManager: "me", as }),
      await client.find(held, { as }),
      await client.listMetadata(collection, "label"),
      await client.request(collection, { as: "PartialObjectMetadataList" }),
      await client.request(held, { method: "DELETE", as }),
    ];
    expect(JSON.stringify(answers)).not.toContain("canary");
    expect(answers[3]).toEqual([]);
    const own = `application/json;as=${as};v=v1;g=meta.k8s.io`;
    const list = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    expect(fake.requests.map(({ accept }) => accept)).toEqual([own, own, own, list, list, own]);
  });

  test.each([
    ["refuses", 406, { kind: "Status", code: 406, reason: "NotAcceptable", message: "only these" }],
    ["does not know how", 200, { kind: "Secret", metadata: { name: "x" }, data: {} }],
  ])("asks for no more where a server %s", async (_what, status, answer) => {
    fake.intercept = (_seen, response) => {
      response.writeHead(status).end(JSON.stringify(answer));
      return true;
    };
    await expect(client.find(`${collection}/x`, { as: "Table" })).rejects.toMatchObject({
      status: 406,
      reason: "NotAcceptable",
    });
    expect(fake.requests).toHaveLength(1);
  });

  test("takes the Status of a deletion for what it is", async () => {
    fake.intercept = (_seen, response) => {
      response.end('{"kind":"Status","status":"Success"}');
      return true;
    };
    const as = "PartialObjectMetadata";
    expect(await client.request(`${collection}/x`, { method: "DELETE", as })).toEqual({
      kind: "Status",
      status: "Success",
    });
  });

  test("throws the API server's status", async () => {
    const failing = client.request(`${collection}/missing`);
    await expect(failing).rejects.toMatchObject({
      name: "KubernetesError",
      status: 404,
      reason: "NotFound",
      message: "fake: NotFound",
    });
    await failing.catch((error: unknown) => {
      expect(isKubernetesStatus(error, 404)).toBe(true);
      expect(isKubernetesStatus(error, 409)).toBe(false);
    });
  });

  test("throws a KubernetesError for an answer that is no JSON, too", async () => {
    fake.intercept = (_seen, response: ServerResponse) => {
      response.writeHead(502).end("<html>");
      return true;
    };
    await expect(client.request(collection)).rejects.toThrow(
      new KubernetesError(`GET ${collection}: answered 502`, 502, ""),
    );
  });

  test("sends the token of the moment", async () => {
    const seen: (string | undefined)[] = [];
    fake.intercept = (_seen, response) => {
      seen.push(response.req.headers.authorization);
      return false;
    };
    let token = "one";
    const other = new KubernetesClient({ server: await serverOf(client), token: () => token });
    await other.request(collection);
    token = "two";
    await other.request(collection);
    await other.close();
    expect(seen).toEqual(["Bearer one", "Bearer two"]);
  });
});

/** The fake's address, as it sees it itself. */
async function serverOf(known: KubernetesClient): Promise<string> {
  let host = "";
  const intercept = fake.intercept;
  fake.intercept = (_seen, response) => {
    host = response.req.headers.host ?? "";
    return false;
  };
  await known.request(collection);
  fake.intercept = intercept;
  return `http://${host}`;
}
