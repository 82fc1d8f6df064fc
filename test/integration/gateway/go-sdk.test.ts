/** OpenFaaS' Go SDK, as programs have it, against the gateway. */
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { collectCleanups } from "../../support/cleanup.ts";
import { BUILD_MS, startClientGateway } from "../../support/client-gateway.ts";
import { echo, type TestGateway } from "../../support/gateway.ts";
import { buildClient, runGoSdk, type SdkResult } from "../../support/openfaas-clients.ts";
import { until } from "../../support/until.ts";

const USER = { user: "admin", password: "correct-horse" };

const atEnd = collectCleanups(afterAll);
let gateway: TestGateway;

beforeAll(async () => {
  await buildClient("go-sdk");
  gateway = await startClientGateway(USER, atEnd);
}, BUILD_MS);

const run = (...steps: object[]): Promise<SdkResult[]> =>
  runGoSdk({ url: gateway.url, ...USER }, steps);

describe("the Go SDK", () => {
  test("deploys, updates, reads, scales and deletes a function", async () => {
    const deployment = { service: "made", image: "example/made:1", namespace: "openfaas-fn" };
    const of = { name: "made", namespace: "openfaas-fn" };
    const outcomes = await run(
      { do: "deploy", deployment },
      { do: "update", deployment: { ...deployment, envVars: { a: "b" }, envProcess: "cat" } },
      { do: "function", ...of },
      { do: "scale", ...of, replicas: 3 },
      { do: "functions", namespace: "openfaas-fn" },
      { do: "delete", ...of },
      { do: "delete", ...of },
      { do: "deploy", deployment: { ...deployment, service: "Bad" } },
    );
    expect(outcomes.map(({ error }) => error)).toEqual([
      ...[undefined, undefined, undefined, undefined, undefined, undefined],
      "function made not found",
      expect.stringMatching(/status code: 400, message: "service: expected/),
    ]);
    expect(outcomes[2]?.value).toMatchObject({
      ...{ name: "made", image: "example/made:1", envProcess: "cat", envVars: { a: "b" } },
    });
    expect(outcomes[4]?.value).toMatchObject([{ name: "echo" }, { name: "made", replicas: 3 }]);
  });

  test("knows the gateway, its namespaces and secrets", async () => {
    const secret = { name: "of-sdk", namespace: "openfaas-fn", value: "first" };
    const of = { name: "of-sdk", namespace: "openfaas-fn" };
    const outcomes = await run(
      { do: "info" },
      { do: "namespaces" },
      { do: "create secret", secret },
      { do: "update secret", secret: { ...secret, value: "second" } },
      { do: "secrets", namespace: "openfaas-fn" },
      { do: "delete secret", ...of },
      { do: "logs", name: "echo", namespace: "openfaas-fn", lines: 5 },
    );
    expect(outcomes.map(({ error }) => error)).toEqual(outcomes.map(() => undefined));
    const [info, namespaces, , , secrets, , logs] = outcomes.map(({ value }) => value);
    expect(info).toMatchObject({
      provider: { provider: "plonk", orchestration: "kubernetes" },
      version: { release: "0.1.0" },
    });
    expect(namespaces).toEqual(["openfaas-fn"]);
    expect(secrets).toEqual(expect.arrayContaining([{ name: "of-sdk", namespace: "openfaas-fn" }]));
    expect(logs).toEqual([]);
  });

  test("invokes, at once and through the queue", async () => {
    const of = { do: "invoke", name: "echo", namespace: "openfaas-fn", body: "hi" };
    const [now, later] = await run({ ...of, header: { "X-Own": "1" } }, { ...of, async: true });
    const { status, body } = now?.value as { status: number; body: string };
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ body: "hi", headers: { "x-own": "1" } });
    expect(later?.value).toMatchObject({ status: 202 });
  });

  test("invokes with auth, which adds nothing to a password, and finds no exchange of tokens", async () => {
    gateway.declare("inner", { annotations: { "plonk/private": "true" } });
    gateway.route("inner", await Promise.all([gateway.pod(echo)]));
    await gateway.settle();
    const of = { do: "invoke", namespace: "openfaas-fn", body: "hi", auth: true };
    const authorization = `Basic ${Buffer.from(`${USER.user}:${USER.password}`).toString("base64")}`;
    const outcomes = await run(
      { ...of, name: "echo" },
      { ...of, name: "inner" },
      { ...of, name: "inner", header: { authorization } },
      { ...of, name: "echo", async: true },
      { ...of, name: "echo", token: "an-id-token" },
    );
    const statuses = outcomes.map(({ value }) => (value as { status: number } | null)?.status);
    expect(statuses).toEqual([200, 401, 200, 202, undefined]);
    // OpenFaaS IAM is not there: all but functions asks for a login first.
    expect(outcomes[4]?.error).toBe(
      "failed to get function access token: unexpected status code: 401 Unauthorized\nResponse: invalid credentials",
    );
  });
});

describe("the Go SDK's logs", () => {
  const PODS = "/api/v1/namespaces/openfaas-fn/pods";
  const of = { do: "logs", name: "talker", namespace: "openfaas-fn" };
  const lines = ["2026-11-21T09:00:00Z old", "2026-11-21T10:00:00Z new"];
  let left = 0;

  beforeAll(async () => {
    gateway.declare("talker");
    const metadata = { name: "talker-1", labels: { faas_function: "talker" } };
    gateway.fake.put(PODS, { metadata, status: { phase: "Running" } });
    gateway.fake.intercept = ({ path, query }, response) => {
      const isLog = path === `${PODS}/talker-1/log`;
      if (isLog) {
        answerLog(query, response);
      }
      return isLog;
    };
    atEnd(() => (gateway.fake.intercept = () => false));
    await gateway.settle();
  });

  /** As a kubelet does: the lines that are asked for, and a late one to who follows. */
  function answerLog(query: URLSearchParams, response: ServerResponse): void {
    const since = Date.parse(query.get("sinceTime") ?? "1970-01-01T00:00:00Z");
    const young = lines.filter((line) => Date.parse(line.slice(0, 20)) >= since);
    response.write(
      young
        .slice(-Number(query.get("tailLines") ?? 9))
        .map((line) => `${line}\n`)
        .join(""),
    );
    if (query.get("follow") !== "true") {
      response.end();
      return;
    }
    setImmediate(() => response.write("2026-11-21T11:00:00Z late\n"));
    response.once("close", () => left++);
  }

  const read = async (step: object): Promise<unknown> => {
    const [outcome] = await run({ ...of, ...step });
    expect(outcome?.error).toBeUndefined();
    return (outcome?.value as { text: string }[]).map(({ text }) => text);
  };

  test("are all of them, the last of them, and those since a time", async () => {
    expect(await read({})).toEqual(["old", "new"]);
    expect(await read({ lines: 1 })).toEqual(["new"]);
    expect(await read({ since: "2026-11-21T09:30:00Z" })).toEqual(["new"]);
    expect(await read({ since: "2026-11-21T12:30:00+02:00" })).toEqual([]);
  });

  test("go on as they come, until it leaves", async () => {
    const since = "2026-11-21T10:00:00Z";
    expect(await read({ follow: true, since, take: 2 })).toEqual(["new", "late"]);
    await until("the log to be left", () => left === 1);
    expect(await read({ follow: true, lines: 2, take: 3 })).toEqual(["old", "new", "late"]);
    await until("the log to be left again", () => left === 2);
  });

  test("of nobody are an error", async () => {
    const [outcome] = await run({ ...of, name: "nobody" });
    expect(outcome?.error).toBe("function: nobody not found");
  });
});
