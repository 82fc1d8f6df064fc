/** Several function namespaces behind one gateway. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { echo, TestGateway } from "../../support/gateway.ts";
import { until } from "../../support/until.ts";

const NAMESPACES = "/api/v1/namespaces";
const toFunctions = (namespace: string): string =>
  `/apis/openfaas.com/v1/namespaces/${namespace}/functions`;
const toSlices = (namespace: string): string =>
  `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;

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

function declare(name: string, namespace: string, port?: number): void {
  gateway.fake.put(toFunctions(namespace), {
    apiVersion: "openfaas.com/v1",
    kind: "Function",
    metadata: { name },
    spec: { name, image: "example/image:1", replicas: 1 },
  });
  if (port !== undefined) {
    const labels = { faas_function: name, "kubernetes.io/service-name": name };
    gateway.fake.put(toSlices(namespace), {
      metadata: { name: `${name}-1`, labels },
      endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }],
      ports: [{ name: "http", port }],
    });
  }
}

/** A pod that answers with a word. */
async function saying(word: string): Promise<number> {
  return gateway.pod((_request, response) => response.end(word));
}

async function ask(path: string, init: RequestInit = {}): Promise<[number, string]> {
  const options = { signal: AbortSignal.timeout(60_000), ...init };
  const answer = await fetch(`${gateway.url}${path}`, options);
  return [answer.status, await answer.text()];
}

function send(method: string, path: string, body?: object): Promise<[number, string]> {
  return ask(path, { method, body: body === undefined ? null : JSON.stringify(body) });
}

async function list(): Promise<unknown> {
  return JSON.parse((await ask("/system/namespaces"))[1]) as unknown;
}

describe("a call", () => {
  test("reaches the function of the namespace that it names, one of the same name each", async () => {
    mark("one");
    mark("two", { labels: { openfaas: "1" } });
    declare("same", "one", await saying("from one"));
    declare("same", "two", await saying("from two"));
    declare("same", "openfaas-fn", await saying("from home"));
    await gateway.settle();
    expect(await ask("/function/same.one")).toEqual([200, "from one"]);
    expect(await ask("/function/same.two")).toEqual([200, "from two"]);
    expect(await ask("/function/same")).toEqual([200, "from home"]);
    expect(await ask("/function/same.openfaas-fn/a/b?c=d")).toEqual([200, "from home"]);
  });

  test.each([["kube-system"], ["openfaas"], ["plain"], ["nowhere"]])(
    "never reaches anything in namespace %s, which is no function namespace",
    async (namespace) => {
      const asked: string[] = [];
      const port = await gateway.pod((request, response) => {
        asked.push(request.url ?? "");
        response.end("secret");
      });
      if (namespace !== "nowhere") {
        mark(namespace, namespace === "plain" ? {} : { annotations: { openfaas: "1" } });
      }
      declare("hidden", namespace, port);
      await gateway.settle();
      const [status, text] = await ask(`/function/hidden.${namespace}`);
      expect([status, text]).toEqual([404, `error finding function hidden.${namespace}`]);
      expect(asked).toEqual([]);
    },
  );

  test("finds a function once its namespace is marked, without asking again, and no longer without it", async () => {
    mark("later", {});
    declare("echo", "later", await gateway.pod(echo));
    await gateway.settle();
    expect((await ask("/function/echo.later"))[0]).toBe(404);
    const known = gateway.fake.asked.length;
    mark("later");
    await gateway.settle();
    expect((await ask("/function/echo.later"))[0]).toBe(200);
    const asked = gateway.fake.asked.slice(known).map(({ path }) => path);
    expect(asked).not.toContain(NAMESPACES);
    mark("later", { annotations: { openfaas: "0" } });
    await until("no route", async () => (await ask("/function/echo.later"))[0] === 404);
    expect(await list()).not.toContain("later");
  });
});

describe("a namespace that is deleted and made again", () => {
  test("serves its new functions and no old ones", async () => {
    mark("again");
    declare("old", "again", await saying("old"));
    await until("the old one", async () => (await ask("/function/old.again"))[0] === 200);
    const deletionTimestamp = "2026-01-02T03:04:05Z";
    mark("again", { annotations: { openfaas: "1" }, deletionTimestamp });
    await until("the end", async () => (await ask("/function/old.again"))[0] === 404);
    gateway.fake.remove(toFunctions("again"), "old");
    gateway.fake.remove(toSlices("again"), "old-1");
    gateway.fake.remove(NAMESPACES, "again");
    await gateway.settle();
    expect(await list()).not.toContain("again");
    mark("again", { annotations: { openfaas: "1" } });
    declare("new", "again", await saying("new"));
    await until("the new one", async () => (await ask("/function/new.again"))[0] === 200);
    expect((await ask("/function/old.again"))[0]).toBe(404);
  });
});

describe("watches", () => {
  test("go on with all namespaces after 410 and after broken connections", async () => {
    mark("steady");
    declare("steady", "steady", await saying("first"));
    await until("a route", async () => (await ask("/function/steady.steady"))[0] === 200);
    gateway.fake.expireWatches();
    await until("watches again", () => gateway.fake.watchers >= 3);
    declare("steady", "steady", await saying("second"));
    await until("the change", async () => (await ask("/function/steady.steady"))[1] === "second");
    gateway.fake.dropWatches();
    await until("watches again", () => gateway.fake.watchers >= 3);
    declare("steady", "steady", await saying("third"));
    await until("the change", async () => (await ask("/function/steady.steady"))[1] === "third");
  });
});

describe("what Prometheus reads", () => {
  test("names each function's namespace, and leaves out what is not served", async () => {
    mark("three");
    declare("counted", "three", await saying("x"));
    declare("counted", "nowhere", await saying("x"));
    await gateway.settle();
    const metrics = await gateway.metrics();
    expect(metrics).toContain('gateway_service_count{function_name="counted.three"} 1');
    expect(metrics).not.toContain("counted.nowhere");
  });
});

describe("/system", () => {
  test("lists, describes and changes functions of the namespace that is meant", async () => {
    mark("four");
    const deployment = { service: "made", image: "example/image:1", namespace: "four" };
    await until("the namespace", async () => ((await list()) as string[]).includes("four"));
    expect((await send("POST", "/system/functions", deployment))[0]).toBe(202);
    expect((await ask("/system/function/made"))[0]).toBe(404);
    const [, shown] = await ask("/system/function/made?namespace=four");
    expect(JSON.parse(shown)).toMatchObject({ name: "made", namespace: "four" });
    const [, listed] = await ask("/system/functions?namespace=four");
    expect((JSON.parse(listed) as { name: string }[]).map(({ name }) => name)).toEqual(["made"]);
    const scaled = { replicas: 3, namespace: "four" };
    expect((await send("POST", "/system/scale-function/made", scaled))[0]).toBe(202);
    const removed = { functionName: "made", namespace: "four" };
    expect((await send("DELETE", "/system/functions", removed))[0]).toBe(202);
    expect((await ask("/system/function/made?namespace=four"))[0]).toBe(404);
  });

  test("keys secrets by name and namespace", async () => {
    mark("five");
    mark("six");
    await until("the namespaces", async () => ((await list()) as string[]).includes("six"));
    for (const namespace of ["five", "six"]) {
      const secret = { name: "key", namespace, value: namespace };
      expect((await send("POST", "/system/secrets", secret))[0]).toBe(202);
    }
    expect(JSON.parse((await ask("/system/secrets?namespace=five"))[1])).toEqual([
      { name: "key", namespace: "five" },
    ]);
    expect((await send("DELETE", "/system/secrets", { name: "key", namespace: "six" }))[0]).toBe(
      202,
    );
    expect(JSON.parse((await ask("/system/secrets?namespace=six"))[1])).toEqual([]);
    expect(JSON.parse((await ask("/system/secrets?namespace=five"))[1])).toHaveLength(1);
  });

  test("scales by alert what the alert names with its namespace", async () => {
    mark("seven");
    declare("busy", "seven");
    declare("busy", "openfaas-fn");
    await gateway.settle();
    const alerts = [{ status: "firing", labels: { function_name: "busy.seven" } }];
    expect((await send("POST", "/system/alert", { status: "firing", alerts }))[0]).toBe(200);
    await gateway.settle();
    const replicasIn = async (namespace: string): Promise<unknown> => {
      const [, text] = await ask(`/system/function/busy?namespace=${namespace}`);
      return (JSON.parse(text) as { replicas: number }).replicas;
    };
    expect(await replicasIn("seven")).toBe(5);
    expect(await replicasIn("openfaas-fn")).toBe(1);
  });

  test.each([
    ["GET", "/system/functions?namespace=kube-system", undefined],
    ["GET", "/system/function/x?namespace=nowhere", undefined],
    ["GET", "/system/secrets?namespace=kube-system", undefined],
    ["GET", "/system/logs?name=x&namespace=openfaas", undefined],
    ["POST", "/system/secrets", { name: "x", value: "y", namespace: "kube-system" }],
    ["POST", "/system/functions", { service: "x", image: "y", namespace: "nowhere" }],
    ["DELETE", "/system/functions", { functionName: "x", namespace: "kube-system" }],
  ])(
    "%s %s is 400 in a namespace without functions, and changes nothing",
    async (method, path, body) => {
      const before = gateway.fake.asked.length;
      const [status, text] = await send(method, path, body);
      expect([status, text]).toEqual([
        400,
        expect.stringMatching(/^namespace: expected a function namespace, got "[-a-z]+"$/),
      ]);
      expect(gateway.fake.asked.slice(before)).toEqual([]);
    },
  );
});
