/** OpenFaaS' own clients, as its users have them: faas-cli and its connectors' SDK. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { collectCleanups } from "../../support/cleanup.ts";
import { BUILD_MS, startClientGateway } from "../../support/client-gateway.ts";
import { type Echo, echo, FUNCTIONS, type TestGateway } from "../../support/gateway.ts";
import { buildClient, connect, type Ended, FaasCli } from "../../support/openfaas-clients.ts";

const PASSWORD = "correct-horse";
const USER = { user: "admin", password: PASSWORD };

const atEnd = collectCleanups(afterAll);
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startClientGateway(USER, atEnd);
}, BUILD_MS);

function stored(name: string): unknown {
  return gateway.fake.objects.get(`${FUNCTIONS}/${name}`)?.["spec"];
}

describe("faas-cli", () => {
  let cli: FaasCli;

  beforeAll(async () => {
    cli = await FaasCli.create();
    atEnd(() => cli.remove());
    await run("login --username admin --password-stdin", PASSWORD);
  }, BUILD_MS);

  /** Blanks part the arguments. */
  function run(line: string, input = ""): Promise<Ended> {
    return cli.run(line.split(" "), { gateway: gateway.url, input });
  }

  test("logs in with the right password alone", async () => {
    const login = "login --username admin --password-stdin";
    expect(await run(login, "wrong")).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("either username or password is incorrect"),
    });
    expect(await run(login, PASSWORD)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("credentials saved for admin"),
    });
  });

  test("names the gateway and its provider", async () => {
    // It looks for a newer one on the internet otherwise.
    const { stdout: all } = await run("version --warn-update=false");
    expect(all).not.toContain("latest version");
    expect(all).toMatch(/name: +plonk\n orchestration: kubernetes\n/);
  });

  test("deploys by flags, describes, lists and removes", async () => {
    await run("secret create word --from-literal=zero");
    const flags = [
      "--image example/full:1 --name full --fprocess cat --readonly",
      "--env a=b --env c=d=e --label l=1 --annotation topic=orders --annotation n=2",
      "--secret word --constraint kubernetes.io/arch=amd64",
    ].join(" ");
    expect(await run(`deploy ${flags}`)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("Deployed. 202 Accepted."),
    });
    expect(stored("full")).toMatchObject({
      image: "example/full:1",
      handler: "cat",
      environment: { a: "b", c: "d=e" },
      labels: { l: "1" },
      annotations: { topic: "orders", n: "2" },
      secrets: ["word"],
      constraints: ["kubernetes.io/arch=amd64"],
      readOnlyRootFilesystem: true,
    });
    const { stdout: described } = await run("describe full");
    expect(described).toMatch(/^Name: +full\nStatus: +Not Ready\n/);
    expect(described).toMatch(/^Image: +example\/full:1\nFunction process: +cat\n/m);
    expect((await run("list")).stdout).toMatch(/^echo +\t\d+ +\t1 +\nfull +\t0 +\t1 +\n/m);
    expect((await run("remove full")).code).toBe(0);
    expect(stored("full")).toBeUndefined();
    expect(await run("remove full")).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("No existing function to remove"),
    });
  });

  test("says why a function is not taken", async () => {
    expect(await run("deploy --image example/x:1 --name Bad")).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/status: 400, message: service: expected .*, got "Bad"/),
    });
    const missing = await run("deploy --image example/x:1 --name x --secret nowhere");
    expect(missing.stdout).toContain("secrets[0]: expected a secret in namespace openfaas-fn, got");
  });

  test("deploys several functions of a stack.yml, updates and removes them", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "plonk-stack-")), "stack.yml");
    atEnd(() => rmSync(join(file, ".."), { recursive: true }));
    const write = (memory: string): void =>
      writeFileSync(
        file,
        `version: 1.0
provider: { name: openfaas, gateway: "${gateway.url}" }
functions:
  first:
    lang: dockerfile
    handler: ./first
    image: example/first:1
    environment: { write_debug: true }
    limits: { memory: ${memory}, cpu: 200m }
    requests: { memory: 32Mi }
    readonly_root_filesystem: true
  second:
    skip_build: true
    image: example/second:1
    labels: { com.openfaas.scale.min: 2 }
    annotations: { schedule: "0 * * * *" }
`,
      );
    write("64Mi");
    expect((await run(`deploy -f ${file}`)).code).toBe(0);
    expect(stored("first")).toMatchObject({
      environment: { write_debug: "true" },
      limits: { memory: "64Mi", cpu: "200m" },
      requests: { memory: "32Mi" },
    });
    expect(stored("second")).toMatchObject({ annotations: { schedule: "0 * * * *" } });
    write("96Mi");
    expect((await run(`deploy -f ${file}`)).code).toBe(0);
    expect(stored("first")).toMatchObject({ limits: { memory: "96Mi", cpu: "200m" } });
    expect((await run(`remove -f ${file}`)).code).toBe(0);
    expect([stored("first"), stored("second")]).toEqual([undefined, undefined]);
  });

  test("invokes with headers and a query, and says what has failed", async () => {
    const args = "invoke echo --header X-Own=1 --query a=b --content-type application/json";
    const { stdout } = await run(args, '{"x":1}');
    expect(JSON.parse(stdout)).toMatchObject({
      method: "POST",
      url: "/?a=b",
      headers: { "x-own": "1", "content-type": "application/json" },
      body: '{"x":1}',
    } satisfies Partial<Echo>);
    expect(await run("invoke nobody", "x")).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("unexpected status code: 404"),
    });
  });

  test("invokes through the queue, with a callback", async () => {
    const header = "X-Callback-Url=http://gateway.openfaas:8080/function/echo";
    expect(await run(`invoke echo --async --header ${header}`, "x")).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("Function submitted asynchronously."),
    });
  });

  test("creates, lists, updates and removes secrets", async () => {
    expect((await run("secret create key", "first")).stdout).toContain("Created: 202");
    expect((await run("secret create key", "again")).stdout).toContain("already exists");
    expect((await run("secret update key --from-literal=second")).stdout).toContain("Updated: 202");
    expect((await run("secret list")).stdout).toMatch(/^key$/m);
    expect((await run("secret remove key")).stdout).toContain("Removed");
    expect((await run("secret list")).stdout).not.toMatch(/^key$/m);
  });

  test("lists namespaces", async () => {
    expect((await run("namespaces")).stdout).toBe("Namespaces:\n - openfaas-fn\n");
  });
});

describe("a connector", () => {
  beforeAll(async () => {
    await buildClient("connector");
    for (const name of ["left", "right"]) {
      const [port = 0] = await gateway.serve(name, echo);
      gateway.declare(name, { annotations: { topic: "orders,payments" } });
      gateway.route(name, [port]);
    }
    await gateway.settle();
  }, BUILD_MS);

  const options = () => ({ url: gateway.url, ...USER, topic: "payments", isAsync: false });

  test("calls all functions of a topic", async () => {
    const heard = await connect(options(), '{"paid":1}', 2);
    expect(heard.map(({ function: name, status }) => [name, status]).sort()).toEqual([
      ["left.openfaas-fn", 200],
      ["right.openfaas-fn", 200],
    ]);
    expect(heard.map(({ body }) => (JSON.parse(body) as Echo).body)).toEqual([
      '{"paid":1}',
      '{"paid":1}',
    ]);
  });

  test("queues calls of all functions of a topic", async () => {
    const heard = await connect({ ...options(), isAsync: true }, "x", 2);
    expect(heard.map(({ status }) => status)).toEqual([202, 202]);
    expect(new Set(heard.map(({ callId }) => callId)).size).toBe(2);
  });
});
