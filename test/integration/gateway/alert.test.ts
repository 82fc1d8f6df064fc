/** Alertmanager's webhook scales functions. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { FUNCTIONS, TestGateway } from "../../support/gateway.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});

afterAll(() => gateway.stop());

async function send(body: object): Promise<{ status: number; text: string }> {
  const init = { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(`${gateway.url}/system/alert`, init);
  return { status: response.status, text: await response.text() };
}

describe("Alertmanager's webhook", () => {
  const alert = (name: string, status = "firing"): object => ({
    status,
    labels: { alertname: "APIHighInvocationRate", function_name: name },
  });
  const replicasOf = (name: string): unknown =>
    (gateway.fake.objects.get(`${FUNCTIONS}/${name}`)?.["spec"] as { replicas?: number }).replicas;

  async function post(...alerts: object[]): Promise<{ status: number; text: string }> {
    const body = { status: "firing", receiver: "scale-up", alerts, version: "4" };
    const answer = await send(body);
    await gateway.settle();
    return answer;
  }

  test("scales up step by step, and back to the minimum when resolved", async () => {
    gateway.declare("busy");
    await gateway.settle();
    expect(await post(alert("busy.openfaas-fn"))).toEqual({ status: 200, text: "" });
    expect(replicasOf("busy")).toBe(5);
    await post(alert("busy"));
    expect(replicasOf("busy")).toBe(9);
    await post(alert("busy", "resolved"));
    expect(replicasOf("busy")).toBe(1);
  });

  test("keeps a pod when an alert ends, though the minimum is none", async () => {
    gateway.declare("lean", { labels: { "com.openfaas.scale.min": "0" } });
    await gateway.settle();
    await post(alert("lean"));
    expect(replicasOf("lean")).toBe(5);
    await post(alert("lean", "resolved"));
    expect(replicasOf("lean")).toBe(1);
  });

  test.each(["firing", "resolved"])(
    "leaves what was scaled to zero at zero: %s",
    async (status) => {
      gateway.declare("resting", { replicas: 0 });
      await gateway.settle();
      expect(await post(alert("resting", status))).toEqual({ status: 200, text: "" });
      expect(replicasOf("resting")).toBe(0);
    },
  );

  const both = [alert("mixed", "resolved"), alert("mixed.openfaas-fn"), alert("mixed", "resolved")];

  test.each([
    ["before", both],
    ["after", both.slice(0, 2).reverse()],
    ["twice", [...both, alert("mixed")]],
  ])("goes by the one that fires where another has ended: %s", async (_where, alerts) => {
    gateway.declare("mixed", { replicas: 9 });
    await gateway.settle();
    expect(await post(...alerts)).toEqual({ status: 200, text: "" });
    expect(replicasOf("mixed")).toBe(13);
  });

  test("leaves a function alone whose minimum is its maximum, or whose factor is 0", async () => {
    const label = (name: string, value: string) => ({ [`com.openfaas.scale.${name}`]: value });
    gateway.declare("fixed", { labels: { ...label("min", "2"), ...label("max", "2") } });
    gateway.declare("off", { labels: label("factor", "0") });
    await gateway.settle();
    expect((await post(alert("fixed"), alert("off"))).status).toBe(200);
    expect([replicasOf("fixed"), replicasOf("off")]).toEqual([1, 1]);
  });

  test.each<[string, object]>([
    ["a type", { labels: { "com.openfaas.scale.type": "rps" } }],
    ["zero", { labels: { "com.openfaas.scale.zero": "true" } }],
    ["a scale of its own", { scale: {} }],
  ])("leaves a function alone that its load scales, by %s", async (_what, spec) => {
    gateway.declare("loaded", { replicas: 3, ...spec });
    gateway.declare("beside");
    await gateway.settle();
    const before = gateway.log.text().length;
    expect(await post(alert("loaded"), alert("beside"))).toEqual({ status: 200, text: "" });
    expect([replicasOf("loaded"), replicasOf("beside")]).toEqual([3, 5]);
    expect(await post(alert("loaded", "resolved"))).toEqual({ status: 200, text: "" });
    expect(replicasOf("loaded")).toBe(3);
    const lines = gateway.log.text().slice(before).trim().split("\n");
    const own = lines.filter((line) => line.includes("loaded.openfaas-fn"));
    // Alertmanager says it again and again.
    expect(own.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual([
      "debug",
      "debug",
    ]);
  });

  test("skips an alert about no function with a line, and handles the others", async () => {
    gateway.declare("named");
    await gateway.settle();
    const nameless = { status: "firing", labels: { alertname: "NodeDown", severity: "major" } };
    expect(await post(nameless, alert("named"))).toEqual({
      status: 200,
      text: "[0] skipped: expected a label function_name, got none",
    });
    expect(replicasOf("named")).toBe(5);
  });

  test("does not find a function of another namespace", async () => {
    gateway.declare("here");
    await gateway.settle();
    expect(await post(alert("here.elsewhere"))).toEqual({
      status: 404,
      text: "[0] error finding function here.elsewhere",
    });
    expect(replicasOf("here")).toBe(1);
  });

  test("reports an unknown function, and handles the others all the same", async () => {
    gateway.declare("known");
    await gateway.settle();
    expect(await post(alert("unknown"), alert("known"))).toEqual({
      status: 404,
      text: "[0] error finding function unknown.openfaas-fn",
    });
    expect(replicasOf("known")).toBe(5);
  });

  test("reports a failure with 500, so that Alertmanager comes again", async () => {
    gateway.declare("stuck");
    await gateway.settle();
    gateway.fake.intercept = ({ path }, response) => {
      if (!path.endsWith("/scale")) {
        return false;
      }
      response.writeHead(503).end(JSON.stringify({ message: "no etcd" }));
      return true;
    };
    const answer = await post(alert("stuck"));
    gateway.fake.intercept = () => false;
    expect(answer).toEqual({ status: 500, text: "[0] no etcd" });
  });

  test("works on what somebody has scaled meanwhile, which the gateway has not seen yet", async () => {
    gateway.declare("raced");
    await gateway.settle();
    let conflicts = 0;
    gateway.fake.intercept = ({ path, body }, response) => {
      const isScale = path.endsWith("/scale");
      if (!isScale || conflicts++ > 0) {
        return false;
      }
      expect(body).toMatchObject({ metadata: { resourceVersion: expect.any(String) } });
      gateway.declare("raced", { replicas: 7 });
      response.writeHead(409).end(JSON.stringify({ reason: "Conflict", message: "changed" }));
      return true;
    };
    const answer = await post(alert("raced"));
    gateway.fake.intercept = () => false;
    expect([answer.status, conflicts, replicasOf("raced")]).toEqual([200, 2, 11]);
  });

  test("refuses what is no alert", async () => {
    const answer = await send({ alerts: "x" });
    expect(answer).toEqual({ status: 400, text: "Unable to parse alert, bad format." });
  });
});
