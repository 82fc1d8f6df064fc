/** Functions from pasted JavaScript. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { toCodeReference } from "../../../services/gateway/system/code.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FUNCTIONS, TestGateway } from "../../support/gateway.ts";
import { callSystem, type SystemAnswer, type SystemCall } from "../../support/system-client.ts";

const MAPS = "/api/v1/namespaces/openfaas-fn/configmaps";
const RUNTIME = "example/runtime:1";
const ONE = "export default async () => 'one'\n";
const TWO = "export default { fetch: () => new Response('two') }";
const onTestEnd = collectCleanups(afterEach);
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({ runtime_image: RUNTIME });
});

beforeEach(() => {
  gateway.fake.requests.length = 0;
});

afterAll(() => gateway.stop());

const call = (path: string, options?: SystemCall): Promise<SystemAnswer> =>
  callSystem(`${gateway.url}/system/${path}`, options);

async function read(path: string): Promise<unknown> {
  return JSON.parse((await call(path)).text);
}

const writes = (): string[] =>
  gateway.fake.requests
    .filter(({ method }) => method !== "GET")
    .map(({ method, path, query }) => `${method} ${path}?${query.toString()}`);

describe("code", () => {
  test("becomes a Function with the runtime image and a ConfigMap, after a dry run", async () => {
    const body = { service: "pasted", code: ONE, envVars: { A: "b" } };
    expect((await call("functions", { body })).status).toBe(202);
    const { configMap } = toCodeReference("pasted", ONE);
    expect(writes()).toEqual([
      `PATCH ${FUNCTIONS}/pasted?fieldManager=plonk-gateway&dryRun=All`,
      `POST ${MAPS}?fieldManager=plonk-gateway`,
      `PATCH ${FUNCTIONS}/pasted?fieldManager=plonk-gateway`,
    ]);
    expect(gateway.fake.objects.get(`${FUNCTIONS}/pasted`)?.["spec"]).toEqual({
      name: "pasted",
      image: RUNTIME,
      code: { configMap, entry: "index.mjs" },
      environment: { A: "b" },
    });
    expect(gateway.fake.objects.get(`${MAPS}/${configMap}`)?.["data"]).toEqual({
      "index.mjs": ONE,
    });
  });

  test("is told from an image in lists, and shown itself only when it is asked for", async () => {
    const code = toCodeReference("pasted", ONE);
    expect(await read("functions")).toEqual([expect.objectContaining({ image: RUNTIME, code })]);
    expect(await read("function/pasted")).toMatchObject({ code });
    expect(JSON.stringify(await read("function/pasted"))).not.toContain("one");
    expect(await read("function/pasted?code=1")).toMatchObject({ code: { ...code, text: ONE } });
  });

  test("is replaced by PUT, and the old revision is left to the operator", async () => {
    const body = { service: "pasted", code: TWO };
    expect((await call("functions", { method: "PUT", body })).status).toBe(202);
    expect(await read("function/pasted?code=true")).toMatchObject({ code: { text: TWO } });
    const maps = [...gateway.fake.objects.keys()].filter((key) => key.startsWith(MAPS));
    expect(maps.sort()).toEqual(
      [ONE, TWO].map((text) => `${MAPS}/${toCodeReference("pasted", text).configMap}`).sort(),
    );
    expect(writes().join()).not.toContain("DELETE");
  });

  test("gives way to an image, and the other way round", async () => {
    const image = { service: "pasted", image: "example/a:1" };
    await call("functions", { method: "PUT", body: image });
    expect(await read("function/pasted")).not.toHaveProperty("code");
    expect(await read("function/pasted")).toMatchObject({ image: "example/a:1" });
    await call("functions", { method: "PUT", body: { service: "pasted", code: ONE } });
    expect(await read("function/pasted")).toMatchObject({ image: RUNTIME });
  });

  test.each([
    ["export default async (", "code: Unexpected end of input"],
    [
      "exports.handler = 1",
      "code: expected a default export or an exported handler, got no exports",
    ],
    ["x".repeat(262_145), "code: expected at most 262144 bytes, got 262145"],
  ])("that cannot run is refused before anything is written", async (code, message) => {
    const answer = await call("functions", { body: { service: "broken", code } });
    expect([answer.status, answer.text]).toEqual([400, message]);
    expect(writes()).toEqual([]);
  });

  test("of a Function that the API server refuses is not stored", async () => {
    gateway.fake.intercept = ({ method }, response) => {
      const isWrite = method === "PATCH";
      if (isWrite) {
        const status = { code: 422, reason: "Invalid", message: "spec: Invalid value" };
        response.writeHead(422).end(JSON.stringify(status));
      }
      return isWrite;
    };
    const answer = await call("functions", { body: { service: "refused", code: ONE } });
    gateway.fake.intercept = () => false;
    expect([answer.status, answer.text]).toEqual([400, "spec: Invalid value"]);
    expect(writes().join()).not.toContain(MAPS);
  });

  test("is refused by a gateway that knows no runtime image", async () => {
    const other = await TestGateway.start();
    onTestEnd(() => other.stop());
    const body = { service: "pasted", code: ONE };
    const answer = await callSystem(`${other.url}/system/functions`, { body });
    expect([answer.status, answer.text]).toEqual([
      400,
      "code: expected an image, as this gateway knows no runtime image for code",
    ]);
  });
});
