/** `/system/namespace`: making, showing, changing and deleting function namespaces. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { echo, TestGateway } from "../../support/gateway.ts";
import { until } from "../../support/until.ts";

const NAMESPACES = "/api/v1/namespaces";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({ cluster_scope: "true" });
});

afterAll(async () => {
  await gateway.stop();
});

function mark(name: string, metadata: object = { annotations: { openfaas: "1" } }): void {
  gateway.fake.put(NAMESPACES, { metadata: { name, ...metadata } });
}

async function send(method: string, path: string, body?: object): Promise<[number, string]> {
  const answer = await fetch(`${gateway.url}${path}`, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  return [answer.status, await answer.text()];
}

async function list(): Promise<unknown> {
  return JSON.parse((await send("GET", "/system/namespaces"))[1]) as unknown;
}

describe("/system/namespace", () => {
  const fresh = (name: string): object => ({
    name,
    labels: { openfaas: "1" },
    annotations: { openfaas: "1" },
  });

  test("creates what faas-cli sends, and answers when the operator has set it up", async () => {
    const pending = send("POST", "/system/namespace/", fresh("made"));
    await until("the namespace", () => gateway.fake.objects.has(`${NAMESPACES}/made`));
    await gateway.settle();
    mark("made", { annotations: { openfaas: "1", "plonk/prepared": "1" } });
    expect(await pending).toEqual([201, ""]);
    expect(await list()).toContain("made");
    expect(await send("POST", "/system/namespace", fresh("made"))).toEqual([
      409,
      "namespace made already exists",
    ]);
  });

  test("waits until its rights there are known to the API server", async () => {
    let refusals = 0;
    gateway.fake.intercept = ({ path }, response) => {
      if (path !== "/api/v1/namespaces/righted/pods" || refusals === 3) {
        return false;
      }
      refusals += 1;
      response.writeHead(403).end("{}");
      return true;
    };
    const pending = send("POST", "/system/namespace/", fresh("righted"));
    await until("the namespace", () => gateway.fake.objects.has(`${NAMESPACES}/righted`));
    mark("righted", { annotations: { openfaas: "1", "plonk/prepared": "1" } });
    expect(await pending).toEqual([201, ""]);
    expect(refusals).toBe(3);
  });

  test("is 202 when the operator takes its time", async () => {
    expect(await send("POST", "/system/namespace", fresh("slow"))).toEqual([202, ""]);
  });

  test("is 409 for namespaces that are there and not marked, which stay as they are", async () => {
    mark("foreign", { labels: { team: "a" } });
    expect(await send("POST", "/system/namespace/", fresh("foreign"))).toEqual([
      409,
      "namespace foreign already exists",
    ]);
    for (const [method, body] of [["GET"], ["PUT", {}], ["DELETE"]] as const) {
      expect(await send(method, "/system/namespace/foreign", body)).toEqual([
        404,
        "error finding namespace foreign",
      ]);
    }
    expect(gateway.fake.objects.get(`${NAMESPACES}/foreign`)?.metadata["labels"]).toEqual({
      team: "a",
    });
  });

  test.each([
    [{ name: "x" }, "labels, annotations: expected openfaas"],
    [{ name: "X!", labels: { openfaas: "1" } }, "name"],
    [{ labels: { openfaas: "1" } }, "name"],
    [{ name: "x", labels: { openfaas: "1", "plonk/x": "" } }, "labels: expected none of the"],
  ])("is 400 for %j", async (body, words) => {
    const [status, text] = await send("POST", "/system/namespace/", body);
    expect([status, text]).toEqual([400, expect.stringContaining(words)]);
  });

  test.each([["openfaas-fn"], ["default"]])("does not delete %s", async (name) => {
    mark(name);
    await gateway.settle();
    const [status, text] = await send("DELETE", `/system/namespace/${name}`);
    expect([status, text]).toEqual([409, expect.stringContaining("it cannot be deleted here")]);
    expect(gateway.fake.objects.has(`${NAMESPACES}/${name}`)).toBe(true);
  });

  test("does not delete what Pulumi manages, and names it", async () => {
    const managedFields = [{ manager: "pulumi-kubernetes-7c11", operation: "Apply" }];
    mark("owned", { annotations: { openfaas: "1" }, managedFields });
    await gateway.settle();
    expect(await send("DELETE", "/system/namespace/owned")).toEqual([
      409,
      "namespace owned is managed by Pulumi (field manager pulumi-kubernetes-7c11): delete it there",
    ]);
  });

  test.each(["a..b", "a%2Fb", "..%2F..", "A"])(
    "knows no namespace %s, and asks nobody for it",
    async (name) => {
      const before = gateway.fake.asked.length;
      expect((await send("GET", `/system/namespace/${name}`))[0]).toBe(404);
      expect(gateway.fake.asked.slice(before)).toEqual([]);
    },
  );

  test("deletes a marked namespace, which is gone from the list at once", async () => {
    mark("gone");
    await until("the namespace", async () => ((await list()) as string[]).includes("gone"));
    expect(await send("DELETE", "/system/namespace/gone")).toEqual([202, ""]);
    expect(await list()).not.toContain("gone");
  });

  test("refuses a body that names another namespace than the path", async () => {
    mark("path");
    await gateway.settle();
    for (const method of ["PUT", "DELETE"]) {
      expect(await send(method, "/system/namespace/path", { Name: "body" })).toEqual([
        400,
        'name: expected path as in the path, got "body"',
      ]);
    }
    const same = { name: "path", labels: { openfaas: "1" } };
    expect(await send("DELETE", "/system/namespace/path", same)).toEqual([202, ""]);
  });
});

describe("a gateway that may see its own namespace alone", () => {
  test("serves that one, asks for nothing else, and says what it cannot do", async () => {
    const single = await TestGateway.start();
    try {
      const get = async (path: string, method = "GET"): Promise<[number, string]> => {
        const answer = await fetch(`${single.url}${path}`, {
          method,
          body: method === "POST" ? JSON.stringify(fresh) : null,
          signal: AbortSignal.timeout(60_000),
        });
        return [answer.status, await answer.text()];
      };
      const fresh = { name: "x", labels: { openfaas: "1" } };
      const words = "namespaces: this gateway serves openfaas-fn alone";
      await single.serve("echo", echo);
      expect((await get("/function/echo.openfaas-fn"))[0]).toBe(200);
      expect(await get("/system/namespaces")).toEqual([200, '["openfaas-fn"]']);
      expect(await get("/system/namespace/", "POST")).toEqual([501, words]);
      expect(await get("/system/namespace/openfaas-fn")).toEqual([501, words]);
      expect(await get("/system/namespace/openfaas-fn", "DELETE")).toEqual([501, words]);
      const paths = new Set(single.fake.requests.map(({ path }) => path));
      expect([...paths].filter((path) => !path.includes("/namespaces/openfaas-fn/"))).toEqual([]);
    } finally {
      await single.stop();
    }
  });
});
