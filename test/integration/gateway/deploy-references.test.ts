/** Deployments that name secrets and profiles: those that are not there are refused. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { TestGateway } from "../../support/gateway.ts";
import { callSystem, type SystemAnswer, type SystemCall } from "../../support/system-client.ts";

const NAMESPACES = "/api/v1/namespaces";
const PROFILES = "/apis/openfaas.com/v1/namespaces/openfaas/profiles";
const SECRETS = `${NAMESPACES}/openfaas-fn/secrets`;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({ cluster_scope: "true", runtime_image: "example/runtime:1" });
  const annotations = { openfaas: "1" };
  gateway.fake.put(NAMESPACES, { metadata: { name: "team-a", annotations } });
  await gateway.settle();
});

beforeEach(() => {
  gateway.fake.requests.length = 0;
});

afterAll(() => gateway.stop());

const call = (path: string, options?: SystemCall): Promise<SystemAnswer> =>
  callSystem(`${gateway.url}/system/${path}`, options);

const writes = (): string[] =>
  gateway.fake.requests.filter(({ method }) => method !== "GET").map(({ path }) => path);

async function refusal(body: unknown): Promise<string> {
  const { status, text } = await call("functions", { body });
  expect(status).toBe(400);
  expect(writes()).toEqual([]);
  return text;
}

describe("a deployment", () => {
  test("is refused, new or changed, where it mounts what is not there, by the names", async () => {
    gateway.fake.put(SECRETS, { metadata: { name: "there" } });
    gateway.fake.put(SECRETS.replace("openfaas-fn", "team-a"), { metadata: { name: "away" } });
    const secrets = ["there", "away", "nowhere"];
    const message =
      'secrets[1]: expected a secret in namespace openfaas-fn, got "away"; ' +
      'secrets[2]: expected a secret in namespace openfaas-fn, got "nowhere"';
    expect(await refusal({ service: "mounting", image: "i", secrets })).toBe(message);
    const right = { service: "mounting", image: "i", secrets: ["there"] };
    expect((await call("functions", { body: right })).status).toBe(202);
    gateway.fake.requests.length = 0;
    const code = { service: "mounting", code: "export default 1", secrets };
    const changed = await call("functions", { method: "PUT", body: code });
    expect([changed.status, changed.text, writes()]).toEqual([400, message, []]);
    expect((await call("functions", { method: "PUT", body: right })).status).toBe(202);
    const team = { ...right, namespace: "team-a", secrets: ["away"] };
    expect((await call("functions", { body: team })).status).toBe(202);
    const gone = { method: "DELETE", body: { functionName: "mounting", namespace: "team-a" } };
    expect((await call("functions", gone)).status).toBe(202);
  });

  test("is refused where it names profiles that there are not, and takes those that there are", async () => {
    gateway.fake.put(PROFILES, { metadata: { name: "gpu" } });
    const withProfiles = (names: string, secrets: string[] = []): object => ({
      ...{ service: "shaped", image: "i", secrets },
      annotations: { "com.openfaas.profile": names },
    });
    expect(await refusal(withProfiles("gpu,tpu", ["nowhere"]))).toBe(
      'secrets[0]: expected a secret in namespace openfaas-fn, got "nowhere"; ' +
        'annotations["com.openfaas.profile"]: expected a Profile in namespace openfaas, got "tpu"',
    );
    expect((await call("functions", { body: withProfiles("gpu") })).status).toBe(202);
    const changed = await call("functions", { method: "PUT", body: withProfiles("tpu") });
    expect(changed.status).toBe(400);
  });
});
