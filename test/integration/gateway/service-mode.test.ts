/** Calls by the functions' Services, for clusters whose mesh balances them. */
import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { LookupFunction } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { listen } from "../../../services/lib/metrics.ts";
import { echo, TestGateway, type Echo } from "../../support/gateway.ts";
import { send } from "../../support/http-client.ts";
import { until } from "../../support/until.ts";

/** Where the one Service of this test answers: its port is fixed, so the address is not. */
let address = "";

let gateway: TestGateway;
let service: Server;
const asked: string[] = [];

/** Resolves the Services' names, as the cluster's DNS would. */
const lookup: LookupFunction = (name, options, callback) => {
  asked.push(name);
  if (options.all === true) {
    callback(null, [{ address, family: 4 }]);
  } else {
    callback(null, address, 4);
  }
};

/** At an address of loopback that nobody else has. */
async function listenSomewhere(server: Server): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const [a, b] = [randomInt(1, 250), randomInt(1, 250)];
    address = `127.83.${a}.${b}`;
    try {
      await listen(server, 8080, address);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
  throw new Error("port 8080: expected one that is free on loopback, got 20 that are in use");
}

beforeAll(async () => {
  service = createServer(echo);
  await listenSomewhere(service);
  gateway = await TestGateway.start({ direct_functions: "true" }, { lookup });
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
