/** Deployments as OpenFaaS' clients send them: what is taken, echoed and refused, and how. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { FUNCTIONS, TestGateway } from "../../support/gateway.ts";
import { callSystem, type SystemAnswer, type SystemCall } from "../../support/system-client.ts";
import { until } from "../../support/until.ts";

const NAMESPACES = "/api/v1/namespaces";
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({ cluster_scope: "true", runtime_image: "example/runtime:1" });
  const annotations = { openfaas: "1" };
  gateway.fake.put(NAMESPACES, { metadata: { name: "team-a", annotations } });
  gateway.fake.put(NAMESPACES, { metadata: { name: "kube-system" } });
  await gateway.settle();
});

beforeEach(() => {
  gateway.fake.requests.length = 0;
});

afterAll(() => gateway.stop());

const call = (path: string, options?: SystemCall): Promise<SystemAnswer> =>
  callSystem(`${gateway.url}/system/${path}`, options);

const SECRETS = `${NAMESPACES}/openfaas-fn/secrets`;

const writes = (): string[] =>
  gateway.fake.requests.filter(({ method }) => method !== "GET").map(({ path }) => path);

async function refusal(body: unknown, path = "functions"): Promise<string> {
  const { status, text } = await call(path, { body });
  expect(status).toBe(400);
  expect(writes()).toEqual([]);
  return text;
}

const FULL = {
  envProcess: "python index.py --name='\u00fc \u{1f600}'",
  envVars: { "a.b": " x\t\n", EMPTY: "", LONG: "y".repeat(10_000) },
  constraints: ["kubernetes.io/arch=arm64", "pool == gpu"],
  secrets: ["api.key", "second"],
  labels: { "com.openfaas.scale.min": "2", "example.com/team": "A_b.c", empty: "" },
  annotations: { topic: "a,b", schedule: "*/5 * * * *", "example.com/text": '{"a": "\\u00fc"}\n' },
  scale: {
    signals: [{ type: "inflight", target: 8, proportion: 0.5 }],
    down: { windowSeconds: 0, replicas: 1, percent: 50 },
    floors: [{ start: "0 7 * * 1-5", end: "0 19 * * 1-5", timeZone: "Europe/Berlin", min: 3 }],
  },
  limits: { memory: "128Mi", cpu: "1.5", "nvidia.com/gpu": "1" },
  requests: { memory: "1e8", cpu: "100m" },
  readOnlyRootFilesystem: true,
};

describe("a deployment", () => {
  test("is echoed as it was sent, text for text", async () => {
    FULL.secrets.forEach((name) => gateway.fake.put(SECRETS, { metadata: { name } }));
    const body = { service: "full", image: "example/a:1", ...FULL };
    expect((await call("functions", { body })).status).toBe(202);
    const shown = JSON.parse((await call("function/full?usage=1")).text) as object;
    expect(shown).toEqual({
      name: "full",
      image: "example/a:1",
      namespace: "openfaas-fn",
      ...FULL,
      replicas: 2,
      createdAt: "2026-01-02T03:04:05Z",
    });
  });

  test("may carry what older clients send: null for nothing, fields that mean nothing now", async () => {
    const old = { network: "", registryAuth: "", constraints: null, secrets: null, limits: null };
    const body = { service: "old", image: "example/a:1", labels: {}, annotations: {}, ...old };
    expect((await call("functions", { body })).status).toBe(202);
    const shown = JSON.parse((await call("function/old")).text) as object;
    expect(Object.keys(shown)).toEqual([
      "name",
      "image",
      "namespace",
      "labels",
      "annotations",
      "replicas",
      "createdAt",
    ]);
  });

  test("may be written as Go's servers take it: any case, and zero values for nothing", async () => {
    const zero = { EnvProcess: "", Secrets: null, Limits: { Memory: "96Mi", CPU: "" }, Code: "" };
    const body = { Service: "zeros", Image: "example/a:1", Namespace: "", ...zero };
    expect((await call("functions", { body })).status).toBe(202);
    const stored = gateway.fake.objects.get(`${FUNCTIONS}/zeros`)?.["spec"];
    expect(stored).toEqual({ name: "zeros", image: "example/a:1", limits: { memory: "96Mi" } });
    const coded = {
      service: "coded-zeros",
      image: "",
      envProcess: "",
      code: "export default () => 1",
    };
    expect((await call("functions", { body: coded })).status).toBe(202);
    const scaled = { ServiceName: "", Replicas: 2, NAMESPACE: "" };
    expect((await call("scale-function/zeros", { body: scaled })).status).toBe(202);
    const gone = { method: "DELETE", body: { FunctionName: "zeros" } };
    expect((await call("functions", gone)).status).toBe(202);
  });

  test("goes where its body, its query or both say", async () => {
    const body = { service: "placed", image: "i", namespace: "team-a" };
    expect((await call("functions", { body })).status).toBe(202);
    const { namespace, ...without } = { ...body, service: "queried" };
    expect((await call(`functions?namespace=${namespace}`, { body: without })).status).toBe(202);
    const list = JSON.parse((await call("functions?namespace=team-a")).text) as { name: string }[];
    expect(list.map(({ name }) => name)).toEqual(["placed", "queried"]);
    expect(JSON.parse((await call("function/placed.team-a")).text)).toMatchObject({ namespace });
    expect((await call("function/placed")).status).toBe(404);
    const deletion = { method: "DELETE", body: { functionName: "placed", namespace } };
    expect((await call("functions", deletion)).status).toBe(202);
    const queried = { method: "DELETE", body: { functionName: "queried" } };
    expect((await call("functions?namespace=team-a", queried)).status).toBe(202);
    expect(JSON.parse((await call("functions?namespace=team-a")).text)).toEqual([]);
  });

  test.each([
    [
      { service: "Upper" },
      'service: expected 1 to 63 lower-case letters, digits and hyphens, with a letter at the beginning and no hyphen at the end, as names of Services have it (RFC 1035), got "Upper"',
    ],
    [
      { image: "a b" },
      'image: expected an image reference without blanks, at most 1024 characters, got "a b"',
    ],
    [{ image: undefined }, "image: expected image or code, got neither"],
    [{ code: "export default 1" }, "image: expected image or code, got both"],
    [{ service: undefined }, "service: expected a value, got none"],
    [{ labels: "a=b" }, 'labels: expected an object, got "a=b"'],
    [
      { labels: { team: "a b" } },
      'labels.team: expected at most 63 letters, digits, -, _ and ., with a letter or digit at both ends, or nothing, got "a b"',
    ],
    [
      { labels: { "a b": "c" } },
      'labels: expected a key of at most 63 letters, digits, -, _ and . after an optional DNS name and slash, got "a b"',
    ],
    [
      { annotations: { "a/b/c": "c" } },
      'annotations: expected a key of at most 63 letters, digits, -, _ and . after an optional DNS name and slash, got "a/b/c"',
    ],
    [
      { labels: { "com.openfaas.scale.min": "x" } },
      'labels["com.openfaas.scale.min"]: expected a whole number from 0 to 1000, got "x"',
    ],
    [
      { limits: { memory: "128 MB" } },
      'limits.memory: expected a quantity such as 128Mi or 100m, got "128 MB"',
    ],
    [
      { limits: { "amd.com/gpu": "all" } },
      'limits["amd.com/gpu"]: expected a quantity such as 128Mi or 100m, got "all"',
    ],
    [{ limits: { memory: "40m" } }, 'limits.memory: expected 6Mi to 64Ti (40Mi meant?), got "40m"'],
    [
      { limits: { cpu: "0.2" }, requests: { cpu: "1" } },
      'requests.cpu: expected at most the limit (0.2), got "1"',
    ],
    [{ constraints: ["a"] }, 'constraints[0]: expected a node\'s label as key=value, got "a"'],
    [
      { secrets: ["ok", "No"] },
      'secrets[1]: expected 1 to 253 lower-case letters, digits, hyphens and dots, with a letter or digit at both ends of each part (RFC 1123), got "No"',
    ],
    [{ envVars: { A: 1 } }, "envVars.A: expected a string, got a number"],
    [
      { envVars: { "A=B": "x" } },
      'envVars: expected a name in printable ASCII without =, got "A=B"',
    ],
    [{ readOnlyRootFilesystem: "yes" }, 'readOnlyRootFilesystem: expected a boolean, got "yes"'],
    [
      { envproces: "cat" },
      "envproces: expected service, image, code, namespace, envProcess, envVars, constraints, secrets, labels, annotations, scale, limits, requests, readOnlyRootFilesystem, got another field",
    ],
    [{ Service: "f" }, 'service: expected the field once, got "service" and "Service"'],
    [
      { network: "func_functions" },
      'network: expected none: functions share the cluster\'s network, got "func_functions"',
    ],
    [
      { registryAuth: "dXNlcjpwdw==" },
      "registryAuth: expected none: nodes have the logins of registries, got a string",
    ],
    [{ namespace: "kube-system" }, 'namespace: expected a function namespace, got "kube-system"'],
  ])("is refused for %j with its field, what was expected and what came", async (part, message) => {
    expect(await refusal({ service: "f", image: "i", ...part })).toBe(message);
  });

  test("of a tag that moves asks for new pods each time, and of another one never", async () => {
    const deploy = async (method: string, more: object): Promise<unknown> => {
      const body = { service: "moving", ...more };
      expect((await call("functions", { method, body })).status).toBe(202);
      const { metadata } = gateway.fake.objects.get(`${FUNCTIONS}/moving`) ?? { metadata: {} };
      return (metadata as { annotations?: object }).annotations;
    };
    const image = "example/moving:latest";
    expect(await deploy("POST", { image })).toBeUndefined();
    const first = await deploy("PUT", { image });
    expect(first).toEqual({ "plonk/restarted-at": expect.stringMatching(/^20.+Z$/) });
    await until("another moment", async () => {
      const next = await deploy("PUT", { image });
      return JSON.stringify(next) !== JSON.stringify(first);
    });
    const last = await deploy("PUT", { image: "example/moving:1" });
    expect(await deploy("PUT", { image: "example/moving:1" })).toEqual(last);
    const annotations = { "plonk/image-pull-policy": "IfNotPresent" };
    expect(await deploy("PUT", { image, annotations })).toEqual(last);
  });

  test("is refused where body and query name different namespaces", async () => {
    const body = { service: "f", image: "i", namespace: "team-a" };
    expect(await refusal(body, "functions?namespace=openfaas-fn")).toBe(
      'namespace: expected one, got "team-a" in the body and "openfaas-fn" in the query',
    );
  });

  test("is refused as JSON for clients that accept JSON", async () => {
    const headers = { accept: "application/json" };
    const answer = await call("functions", { body: { image: "i" }, headers });
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(JSON.parse(answer.text)).toMatchObject({
      code: "PLONK_BAD_REQUEST",
      message: "service: expected a value, got none",
    });
  });
});

describe("a body", () => {
  test("that is no JSON is refused with the place, and shown nowhere", async () => {
    const body = '{"service": "f",\n "envVars": {"KEY": "canary-77", oops}}';
    expect(await refusal(body)).toBe("body: expected JSON, got something else at line 2 column 34");
    expect(await refusal("")).toBe("body: expected JSON, got nothing");
    expect(await refusal('{"service": {"__proto__": 1}}')).toContain("__proto__");
    expect(await refusal([])).toBe("body: expected an object, got an array");
    expect(gateway.log.text()).not.toContain("canary-77");
  });

  test("above 1.5 MiB is refused with 413", async () => {
    const body = { service: "f", image: "i", annotations: { a: "x".repeat(1024 * 1536) } };
    expect((await call("functions", { body })).status).toBe(413);
  });
});

describe("scaling", () => {
  const scale = (name: string, body: object, query = ""): Promise<SystemAnswer> =>
    call(`scale-function/${name}${query}`, { body });
  const replicasOf = async (name: string): Promise<unknown> =>
    (JSON.parse((await call(`function/${name}`)).text) as { replicas?: number }).replicas;

  beforeAll(async () => {
    await call("functions", { body: { service: "scaled", image: "i" } });
    await call("functions", { body: { service: "scaled", image: "i", namespace: "team-a" } });
  });

  test("goes to zero and back, and as high as a person asks for", async () => {
    expect((await scale("scaled", { serviceName: "scaled", replicas: 0 })).status).toBe(202);
    await gateway.settle();
    expect(await replicasOf("scaled")).toBeUndefined();
    await scale("scaled", { replicas: 1000 });
    await gateway.settle();
    expect(await replicasOf("scaled")).toBe(1000);
  });

  test("finds the namespace in the body, in the query and in the name", async () => {
    await scale("scaled", { replicas: 2, namespace: "team-a" });
    await gateway.settle();
    expect(await replicasOf("scaled.team-a")).toBe(2);
    await scale("scaled", { replicas: 3 }, "?namespace=team-a");
    await gateway.settle();
    expect(await replicasOf("scaled.team-a")).toBe(3);
    await scale("scaled.team-a", { serviceName: "scaled", replicas: 4 });
    await gateway.settle();
    expect(await replicasOf("scaled.team-a")).toBe(4);
    expect(await replicasOf("scaled")).toBe(1000);
  });

  test.each([
    [
      { serviceName: "other", replicas: 1 },
      'serviceName: expected scaled as in the path, got "other"',
    ],
    [{ replicas: -1 }, "replicas: expected a whole number from 0 to 1000, got -1"],
    [{ replicas: 1001 }, "replicas: expected a whole number from 0 to 1000, got 1001"],
    [{ replicas: "2" }, 'replicas: expected an integer, got "2"'],
    [{ serviceName: "scaled" }, "replicas: expected a value, got none"],
    [{ replica: 1 }, "replica: expected serviceName, replicas, namespace, got another field"],
  ])("refuses %j", async (body, message) => {
    const answer = await scale("scaled", body);
    expect([answer.status, answer.text]).toEqual([400, message]);
  });

  test("does not find what is not there", async () => {
    const answer = await scale("nope", { replicas: 1 });
    expect([answer.status, answer.text]).toEqual([404, "error finding function nope.openfaas-fn"]);
  });
});

describe("the use of a function", () => {
  const METRICS = "/apis/metrics.k8s.io/v1beta1/namespaces/openfaas-fn/pods";
  const pod = (name: string, cpu: string, memory: string): object => ({
    metadata: { name, labels: { faas_function: "used" } },
    containers: [{ name: "used", usage: { cpu, memory } }],
  });

  test("is shown where the cluster measures it, and only when it is asked for", async () => {
    await call("functions", { body: { service: "used", image: "i" } });
    expect(JSON.parse((await call("function/used?usage=1")).text)).not.toHaveProperty("usage");
    gateway.fake.put(METRICS, pod("used-1", "1500000n", "10Mi") as { metadata: { name: string } });
    gateway.fake.put(METRICS, pod("used-2", "2m", "1024Ki") as { metadata: { name: string } });
    expect(JSON.parse((await call("function/used?usage=1")).text)).toMatchObject({
      usage: { cpu: 3.5, totalMemoryBytes: 11 * 1024 * 1024 },
    });
    expect(JSON.parse((await call("function/used")).text)).not.toHaveProperty("usage");
  });

  test("keeps nobody waiting when its figures do not come", async () => {
    gateway.fake.intercept = ({ path }) => path === METRICS;
    const { status, text } = await call("function/used?usage=1");
    gateway.fake.intercept = () => false;
    expect(status).toBe(200);
    expect(JSON.parse(text)).not.toHaveProperty("usage");
  });
});
