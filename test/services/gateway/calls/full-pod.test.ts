/** A pod whose watchdog refuses a call: another one is asked, once. */
import { createServer, type RequestOptions, type Server } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { REPLAYABLE_BYTES } from "../../../../services/gateway/http/request-body.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { errorOf, type SentCall } from "../../../support/call-parts.ts";
import { CallWorld } from "../../../support/call-world.ts";
import { stopServer } from "../../../support/network.ts";
import { answer, beginProxyCall, type Begun } from "../../../support/proxy-call.ts";
import { until } from "../../../support/until.ts";

const [A, B] = ["http://192.0.2.1:80", "http://192.0.2.2:80"] as const;

let server: Server;
let port: number;
let world: CallWorld;

beforeAll(async () => {
  server = createServer();
  port = await listen(server, 0, "127.0.0.1");
});

afterAll(() => stopServer(server));

beforeEach(() => {
  world = new CallWorld();
  world.slices.put("f-1", [A, B]);
});

const begin = (options: RequestOptions): Promise<Begun> =>
  beginProxyCall({ server, port, world, health: { isStopping: false } }, options);

function sentTo(origin: string): SentCall[] {
  return world.sentTo().includes(origin) ? world.at(origin).sent : [];
}

describe("a pod that is full", () => {
  const REFUSAL = { "x-openfaas-internal": "faas-middleware", "content-length": "4" };

  function refuse({ proxy, held }: Begun, headers: Record<string, string> = REFUSAL): void {
    proxy.onRequestStart(held);
    proxy.onResponseStart(held, 429, headers);
    proxy.onResponseData(held, Buffer.from("full"));
    proxy.onResponseEnd();
  }

  async function post(body = "abcd"): Promise<Begun> {
    const headers = { "content-length": String(body.length) };
    const begun = await begin({ method: "POST", headers });
    begun.caller.end(body);
    await until("the call", () => world.sentTo().length === 1);
    return begun;
  }

  const inFlight = (): number[] => [A, B].map((origin) => world.at(origin).inFlight);

  async function outcomeOf(begun: Begun): Promise<unknown> {
    const { statusCode, headers } = await begun.answer;
    const outcome = [statusCode, headers["x-openfaas-internal"], await text(await begun.answer)];
    await until("the end", () => world.counted.length === 2);
    return outcome;
  }

  test("leaves the call to another one, with the same body, whatever its method", async () => {
    const begun = await post();
    refuse(begun);
    expect(world.sentTo()).toEqual([A, B]);
    expect(inFlight()).toEqual([0, 1]);
    expect([A, B].flatMap(sentTo).map(({ request }) => String(request.body as Buffer))).toEqual([
      ...["abcd", "abcd"],
    ]);
    answer(begun, "done");
    expect(await outcomeOf(begun)).toEqual([200, undefined, "done"]);
    expect([world.counted, inFlight()]).toEqual([
      ["start", "end 200"],
      [0, 0],
    ]);
  });

  test("is the answer where the other one is full, too, or was", async () => {
    const begun = await post();
    refuse(begun);
    refuse(begun);
    expect(await outcomeOf(begun)).toEqual([429, "faas-middleware", "full"]);
    expect([world.sentTo(), world.counted]).toEqual([
      [A, B],
      ["start", "end 429"],
    ]);
  });

  test("is the answer where there is no other one", async () => {
    world.slices.put("f-1", [A]);
    const begun = await post();
    refuse(begun);
    expect(await outcomeOf(begun)).toEqual([429, "faas-middleware", "full"]);
    expect(world.sentTo()).toEqual([A]);
  });

  test("is the answer where the other one has just failed", async () => {
    const begun = await post();
    world.at(B).eject();
    refuse(begun);
    expect(await outcomeOf(begun)).toEqual([429, "faas-middleware", "full"]);
    expect(sentTo(B)).toEqual([]);
  });

  test("is the answer to a body that is not kept", async () => {
    const headers = { "content-length": String(REPLAYABLE_BYTES + 1) };
    const begun = await begin({ method: "PUT", headers });
    begun.caller.end("x".repeat(REPLAYABLE_BYTES + 1));
    refuse(begun);
    expect((await begun.answer).statusCode).toBe(429);
    expect(world.sentTo()).toEqual([A]);
  });

  test.each([
    ["of the function itself", { "content-length": "4" }],
    ["of another gateway", { ...REFUSAL, "x-openfaas-internal": "gateway" }],
    ["without a length", { "x-openfaas-internal": "faas-middleware" }],
  ])("is not meant by a 429 %s", async (_, headers) => {
    const begun = await post();
    refuse(begun, headers);
    expect((await begun.answer).statusCode).toBe(429);
    expect(world.sentTo()).toEqual([A]);
  });

  test("may break off what it says", async () => {
    const begun = await post();
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseStart(begun.held, 429, REFUSAL);
    begun.proxy.onResponseError(begun.held, errorOf("ECONNRESET"));
    expect(world.sentTo()).toEqual([A, B]);
    answer(begun, "done");
    expect(await outcomeOf(begun)).toEqual([200, undefined, "done"]);
  });

  test("has its call back where all others have gone meanwhile", async () => {
    const begun = await post();
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseStart(begun.held, 429, REFUSAL);
    world.slices.put("f-1", [A]);
    begun.proxy.onResponseEnd();
    await until("the second call", () => world.sentTo().length === 2);
    refuse(begun);
    expect(await outcomeOf(begun)).toEqual([429, "faas-middleware", "full"]);
    expect(world.sentTo()).toEqual([A, A]);
  });

  test("does not have a call sent on whose caller has gone", async () => {
    const begun = await post();
    begun.proxy.onRequestStart(begun.held);
    begun.proxy.onResponseStart(begun.held, 429, REFUSAL);
    begun.caller.destroy();
    await until("the end", () => world.counted.length === 2);
    begun.proxy.onResponseError(begun.held, new Error("client gone"));
    expect([world.sentTo(), world.counted, inFlight()]).toEqual([
      [A],
      ["start", "end 499"],
      [0, 0],
    ]);
  });
});
