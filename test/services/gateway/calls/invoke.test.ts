/** The entry of calls: which function is meant, who may call it, and whether there is room. */
import {
  createServer,
  type IncomingMessage,
  request as connect,
  type Server,
  type ServerResponse,
} from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { QueueMarks } from "../../../../services/gateway/auth/queue-marks.ts";
import type { FunctionStates } from "../../../../services/gateway/calls/function-states.ts";
import { invoke, type InvokeContext } from "../../../../services/gateway/calls/invoke.ts";
import { type Failure, failures } from "../../../../services/gateway/errors.ts";
import { TrustedPeers } from "../../../../services/gateway/http/trusted-peers.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { HeldRequest, type SentCall } from "../../../support/call-parts.ts";
import { CallWorld } from "../../../support/call-world.ts";
import { createKeptLog } from "../../../support/logs.ts";
import { stopServer } from "../../../support/network.ts";
import { until } from "../../../support/until.ts";

const ORIGIN = "http://192.0.2.1:80";
let server: Server;
let port: number;
let world: CallWorld;
let context: InvokeContext;
/** What the guard says, once it says something. */
let verdict: Promise<Failure | undefined>;
let asked: number;
let last: { request: IncomingMessage; response: ServerResponse } | undefined;

beforeAll(async () => {
  server = createServer((request, response) => {
    last = { request, response };
    const [path = "", query] = (request.url ?? "").split("?", 2);
    const target = { path, query: query === undefined ? "" : `?${query}` };
    invoke(context, { request, response, target });
  });
  port = await listen(server, 0, "127.0.0.1");
});

afterAll(() => stopServer(server));

beforeEach(() => {
  world = new CallWorld();
  world.slices.put("f-1", [ORIGIN]);
  verdict = Promise.resolve(undefined);
  asked = 0;
  const states = {
    find: (name: string) => (name === "f" ? world.state : undefined),
    explain: (name: string) => failures.functionNotFound(name),
  };
  context = {
    ...world.context,
    states: states as unknown as FunctionStates,
    guard: {
      check: () => {
        asked += 1;
        return verdict;
      },
    },
    marks: new QueueMarks(undefined, createKeptLog().logger),
    peers: new TrustedPeers(),
    health: { isStopping: false },
  };
});

afterEach(() => {
  // Whatever came of it, a call that has ended has left.
  expect([world.admission.inFlight, world.state.inFlight]).toEqual([0, 0]);
});

/** Sends a call; its answer comes from the function that the test plays, or from the gateway. */
async function send(path: string, { method = "GET", headers = {} } = {}) {
  const caller = connect({ host: "127.0.0.1", port, path, method, headers, agent: false });
  caller.on("error", () => undefined).end();
  const response = await new Promise<IncomingMessage>((resolve) =>
    caller.once("response", resolve),
  );
  const { statusCode, headers: told } = response;
  const body = await text(response);
  await until("the end of the call", () => last?.response.closed === true);
  return { status: statusCode, headers: told, body };
}

/** Answers the next call as its function does; resolves with the path that it was sent. */
async function play(): Promise<string> {
  await until("a call", () => world.sentTo().length > 0);
  const [sent] = world.at(ORIGIN).sent.splice(0) as [SentCall];
  const { handler, request } = sent;
  const held = new HeldRequest();
  handler.onRequestStart(held);
  handler.onResponseStart(held, 200, { "content-length": "2" });
  handler.onResponseData(held, Buffer.from("ok"));
  handler.onResponseEnd();
  return request.path ?? "";
}

describe("a call", () => {
  test.each([
    ["/function/f", "/"],
    ["/function/f/", "/"],
    ["/function/f?q=1", "/?q=1"],
    ["/function/f/p/q?a=/../b", "/p/q?a=/../b"],
    ["/function/f/%2F%2e?", "/%2F%2e?"],
  ])("to %s is %s to the function", async (path, seen) => {
    const [answer, target] = await Promise.all([send(path), play()]);
    expect([answer.status, answer.body, target]).toEqual([200, "ok", seen]);
    expect(asked).toBe(0);
  });

  test("of no function is told so with its id, and asks for nothing", async () => {
    const headers = { "x-call-id": "mine" };
    const { status, headers: told } = await send("/function/none", { headers });
    expect([status, told["x-plonk-code"], told["x-call-id"]]).toEqual([
      404,
      "PLONK_FUNCTION_NOT_FOUND",
      "mine",
    ]);
    expect((await send("/function/")).body).toBe("404 page not found\n");
  });

  test("by TRACE is never made: its answer would show what proxies have added", async () => {
    const { status, headers } = await send("/function/f", { method: "TRACE" });
    expect([status, headers.allow, headers.connection]).toEqual([
      405,
      "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
      "close",
    ]);
  });

  test("that is one too many is refused, and takes no place", async () => {
    world.state.maxInflight = 1;
    world.admission.enter(world.state);
    const { status, headers } = await send("/function/f");
    world.admission.leave(world.state);
    expect([status, headers["retry-after"]]).toEqual([429, "1"]);
    expect(world.counted).toEqual(["refuse PLONK_TOO_MANY_CALLS"]);
  });
});

describe("a private function", () => {
  beforeEach(() => {
    world.state.isPrivate = true;
  });

  test("is called by who may", async () => {
    const [answer] = await Promise.all([send("/function/f/p"), play()]);
    expect([answer.status, asked]).toEqual([200, 1]);
  });

  test("is not called by who may not, who takes no place while that is asked", async () => {
    let refuse: (failure: Failure) => void = () => undefined;
    verdict = new Promise((resolve) => (refuse = resolve));
    const answer = send("/function/f");
    await until("the question", () => asked === 1);
    expect(world.admission.inFlight).toBe(0);
    refuse(failures.forbidden("invoke f in namespace fn"));
    expect(await answer).toMatchObject({ status: 403 });
    expect([world.sentTo(), world.counted]).toEqual([[], ["refuse PLONK_FORBIDDEN"]]);
  });

  test("is not called after its caller was answered that its body comes too late", async () => {
    let allow: (nothing: undefined) => void = () => undefined;
    verdict = new Promise((resolve) => (allow = resolve));
    const answer = send("/function/f");
    await until("the question", () => asked === 1);
    last?.response.writeHead(408).end();
    expect(await answer).toMatchObject({ status: 408 });
    allow(undefined);
    await verdict;
    expect(world.sentTo()).toEqual([]);
  });

  test("that cannot be checked is not called, and the fault is answered", async () => {
    verdict = Promise.reject(new Error("a fault of ours"));
    expect(await send("/function/f")).toMatchObject({ status: 500 });
    expect(world.log.text()).toContain("a fault of ours");
    expect(world.sentTo()).toEqual([]);
  });

  test("is open where nobody can say who they are", async () => {
    context.guard = undefined;
    const [answer] = await Promise.all([send("/function/f"), play()]);
    expect([answer.status, asked]).toEqual([200, 0]);
  });
});
