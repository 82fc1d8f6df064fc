/** Calls by the functions' Services, for clusters whose mesh balances them. */
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { listen } from "../../../services/lib/servers.ts";
import { type Echo, echo, TestGateway } from "../../support/gateway.ts";
import { send } from "../../support/http-client.ts";
import { until } from "../../support/until.ts";

let gateway: TestGateway;
let service: Server;
let port = 0;
const asked: string[] = [];

beforeAll(async () => {
  service = createServer(echo);
  port = await listen(service, 0, "127.0.0.1");
  // All Services are here, as the cluster's DNS and its proxies would have it.
  const locate = (hostname: string) => {
    asked.push(hostname);
    return { hostname: "127.0.0.1", port: String(port) };
  };
  gateway = await TestGateway.start({ direct_functions: "true" }, { locate });
});

afterAll(async () => {
  await gateway.stop();
  service.closeAllConnections();
  service.close();
});

describe("with direct_functions, a call", () => {
  test("goes to the Service, whose pods it never asks", async () => {
    await gateway.serve("f", (_request, response) => response.end("the pod itself"));
    const { body } = await send(`${gateway.url}/function/f/a`);
    const { url, headers } = JSON.parse(body) as Echo;
    expect([url, headers["host"]]).toEqual(["/a", "f.openfaas-fn.svc.cluster.local:8080"]);
    expect(asked).toContain("f.openfaas-fn.svc.cluster.local");
  });

  test("still wakes a function that sleeps, and waits for a ready pod", async () => {
    gateway.declare("g", { replicas: 0 });
    await gateway.settle();
    const answer = send(`${gateway.url}/function/g`);
    await until("a scale request", () =>
      gateway.fake.requests.some(({ path }) => path.endsWith("/g/scale")),
    );
    expect(asked).not.toContain("g.openfaas-fn.svc.cluster.local");
    gateway.route("g", [1]);
    expect((await answer).status).toBe(200);
  });
});
