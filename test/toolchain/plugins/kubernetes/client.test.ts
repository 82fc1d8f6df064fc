/** The connection: what is tried again, what is said when it fails, and how it signs in. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  ApiError,
  describeConflict,
  isFieldConflict,
  isNamespaceMissing,
  isNamespaceTerminating,
  isNotFound,
  UnreachableError,
} from "../../../../toolchain/plugins/kubernetes/api-error.ts";
import { connect, type Client } from "../../../../toolchain/plugins/kubernetes/client.ts";
import { readSettings } from "../../../../toolchain/plugins/kubernetes/settings.ts";
import type { Bag } from "../../../../toolchain/plugins/lib/values.ts";

let server: Server;
let requests: IncomingMessage[];
let answers: ((response: ServerResponse) => void)[];

beforeEach(async () => {
  requests = [];
  answers = [];
  server = createServer((request, response) => {
    requests.push(request);
    (answers.shift() ?? respond(200, { kind: "Thing" }))(response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function respond(code: number, body: Bag | string) {
  return (response: ServerResponse): void => {
    response.writeHead(code).end(typeof body === "string" ? body : JSON.stringify(body));
  };
}

function toUrl(path = ""): string {
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}${path}`;
}

function open(url: string, user: Bag = {}): Promise<Client> {
  const kubeconfig = JSON.stringify({
    clusters: [{ name: "c", cluster: { server: url, "insecure-skip-tls-verify": true } }],
    users: [{ name: "u", user }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
  return connect(readSettings({ kubeconfig }, {}));
}

function get(client: Client, signal = new AbortController().signal): Promise<Bag> {
  return client.send({ method: "GET", path: "/api/v1/things/a?x=y", signal });
}

describe("a request", () => {
  it("goes below the server's own path, with its token, on connections that stay", async () => {
    const client = await open(toUrl("/k8s/clusters/one/"), { token: "letmein" });
    expect(await get(client)).toEqual({ kind: "Thing" });
    for (let turn = 0; turn < 20; turn += 1) await get(client);
    const [first] = requests;
    expect(first?.url).toBe("/k8s/clusters/one/api/v1/things/a?x=y");
    expect(first?.headers.authorization).toBe("Bearer letmein");
    const ports = new Set(requests.map(({ socket }) => socket.remotePort));
    // A request may find the first connection not yet idle, and open a second one.
    expect(ports.size).toBeLessThanOrEqual(2);
  });

  it("signs in with a password where there is one", async () => {
    await get(await open(toUrl(), { username: "me", password: "pass" }));
    const expected = `Basic ${Buffer.from("me:pass").toString("base64")}`;
    expect(requests[0]?.headers.authorization).toBe(expected);
  });

  it("sends its body as the type that it is", async () => {
    const client = await open(toUrl());
    const { signal } = new AbortController();
    const contentType = "application/apply-patch+yaml";
    await client.send({ method: "PATCH", path: "/x", body: { a: 1 }, contentType, signal });
    expect(requests[0]).toMatchObject({
      method: "PATCH",
      headers: { "content-type": contentType },
    });
  });

  it("is tried again while the server is overloaded or its connection breaks", async () => {
    answers = [
      respond(429, { message: "slow down" }),
      respond(503, "not yet"),
      (response) => response.destroy(),
    ];
    expect(await get(await open(toUrl()))).toEqual({ kind: "Thing" });
    expect(requests).toHaveLength(4);
  });

  it("fails with what the server says, in one line", async () => {
    answers = [
      respond(403, { code: 403, reason: "Forbidden", message: "not you" }),
      respond(500, "<html>\nsorry"),
    ];
    const client = await open(toUrl());
    await expect(get(client)).rejects.toMatchObject({ code: 403, message: "not you" });
    await expect(get(client)).rejects.toMatchObject({ code: 500, message: "<html>" });
    expect(requests).toHaveLength(2);
  });

  it("ends when it is cancelled", async () => {
    answers = [() => undefined];
    const stop = new AbortController();
    const pending = get(await open(toUrl()), stop.signal);
    setTimeout(() => stop.abort(), 50);
    await expect(pending).rejects.toThrow("cancelled");
  });

  it("says which server cannot be reached, and the way out", async () => {
    const client = await open("http://127.0.0.1:1");
    const failure = await get(client).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UnreachableError);
    expect((failure as Error).message).toMatch(
      /^Kubernetes cluster http:\/\/127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED.*\. If the cluster is gone for good, set PULUMI_K8S_DELETE_UNREACHABLE=true to drop its resources from the state$/,
    );
  });
});

describe("what the server refuses", () => {
  const toError = (code: number, message: string, causes: Bag[] = []): ApiError =>
    new ApiError(code, { message, details: { causes } });

  it("names fields and managers of a conflict", () => {
    const conflict = toError(409, "Apply failed", [
      { reason: "FieldManagerConflict", message: 'conflict with "a" using v1', field: ".data.x" },
      { reason: "FieldManagerConflict", message: "conflict", field: ".data.y" },
    ]);
    expect(isFieldConflict(conflict)).toBe(true);
    expect(describeConflict(conflict)).toBe(
      'another field manager owns what is to be applied: data.x is managed by "a"; ' +
        "data.y is managed by another field manager. Leave the field out, or take it over with " +
        'the annotation pulumi.com/patchForce: "true"',
    );
    expect(isFieldConflict(toError(409, "modified"))).toBe(false);
  });

  it("is told apart by what is missing", () => {
    const namespace = toError(404, 'namespaces "x" not found');
    const object = toError(404, 'configmaps "x" not found');
    const ending = toError(403, "no", [{ reason: "NamespaceTerminating" }]);
    expect([namespace, object, ending].map(isNotFound)).toEqual([true, true, false]);
    expect([namespace, object, ending].map(isNamespaceMissing)).toEqual([true, false, false]);
    expect([namespace, object, ending].map(isNamespaceTerminating)).toEqual([false, false, true]);
  });
});
