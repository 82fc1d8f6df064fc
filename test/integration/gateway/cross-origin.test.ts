/** Pages of other sites that call functions asynchronously: what their browsers are told. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { collectCleanups } from "../../support/cleanup.ts";
import { QueueGateway } from "../../support/queue-gateway.ts";

const PAGE = "https://page.example";
const EXPOSED = "Location, X-Call-Id, X-Plonk-Code, Idempotency-Replayed, Retry-After";

const atEnd = collectCleanups(afterAll);
let queue: QueueGateway;

beforeAll(async () => {
  queue = await QueueGateway.start();
  atEnd(() => queue.stop());
  const origins = { some: `${PAGE}, http://localhost:3000`, all: "*" };
  for (const [name, text] of Object.entries(origins)) {
    // Without a pod: nobody but the gateway can answer.
    queue.gateway.declare(name, { annotations: { "plonk/async-origins": text } });
  }
  queue.gateway.declare("private", {
    annotations: { "plonk/async-origins": PAGE, "plonk/private": "true" },
  });
  await queue.gateway.settle();
});

/** What a browser asks before a page of an origin calls with a header of its own. */
function preflight(path: string, origin = PAGE): Promise<Response> {
  return queue.call(path, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type,x-keep-result-seconds",
    },
  });
}

const corsOf = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => /^(access-control-|vary$)/.test(name)));

describe("a preflight", () => {
  test.each([
    ["some", PAGE, PAGE],
    ["some.openfaas-fn/path?q=1", "http://localhost:3000", "http://localhost:3000"],
    ["all", "https://anybody.example", "*"],
    ["private", PAGE, PAGE],
  ])("of %s by %s is answered for its function, which need not run", async (path, by, allowed) => {
    const before = await queue.countCalls();
    const response = await preflight(path, by);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(corsOf(response)).toEqual({
      "access-control-allow-origin": allowed,
      "access-control-allow-methods": "POST",
      "access-control-allow-headers": "content-type,x-keep-result-seconds",
      "access-control-max-age": "600",
      vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    });
    expect(await queue.countCalls()).toBe(before);
  });

  test.each([
    ["f", PAGE],
    ["some", "https://other.example"],
    ["some", "http://page.example"],
    ["some", "https://page.example.evil"],
    ["some", "null"],
  ])("of %s by %s is refused, and is no call", async (path, origin) => {
    const before = await queue.countCalls();
    const response = await preflight(path, origin);
    expect([response.status, response.headers.get("x-plonk-code"), corsOf(response)]).toEqual([
      ...[403, "PLONK_ORIGIN_NOT_ALLOWED", {}],
    ]);
    expect(await response.text()).toContain("plonk/async-origins: expected the page's origin");
    expect(await queue.countCalls()).toBe(before);
  });

  test("of no function is answered that there is none", async () => {
    expect((await preflight("nobody")).status).toBe(404);
  });

  test.each<[string, RequestInit]>([
    ["without an origin", { headers: { "access-control-request-method": "POST" } }],
    ["that is asked for no method", { headers: { origin: PAGE } }],
    ["with nothing of one", {}],
  ])("is no OPTIONS %s, which is queued", async (_what, init) => {
    const { method } = await queue.store("some", { ...init, method: "OPTIONS" });
    expect(method).toBe("OPTIONS");
  });

  test("is no request with a body, which is queued", async () => {
    const headers = { origin: PAGE, "access-control-request-method": "POST" };
    const { body } = await queue.store("some", { method: "OPTIONS", headers, body: "hello" });
    expect(body).toEqual(Buffer.from("hello"));
  });
});

describe("a page's call", () => {
  const call = (path: string, origin?: string, more: Record<string, string> = {}) =>
    queue.call(path, { headers: { ...(origin !== undefined && { origin }), ...more } });

  test.each([
    ["some", PAGE, { vary: "Origin" }],
    ["all", "*", {}],
  ])("of %s may be read by %s, with the id of the call", async (path, allowed, more) => {
    const response = await call(path, PAGE);
    expect([response.status, response.headers.get("location")]).toEqual([
      202,
      expect.stringMatching(/^\/async\/calls\//),
    ]);
    expect(corsOf(response)).toEqual({
      "access-control-allow-origin": allowed,
      "access-control-expose-headers": EXPOSED,
      ...more,
    });
  });

  test("may be read, too, where it is refused", async () => {
    const response = await call("some", PAGE, { "x-delay-seconds": "soon" });
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([
      ...[400, PAGE],
    ]);
  });

  test.each([
    ["f", PAGE, {}],
    ["some", "https://other.example", { vary: "Origin" }],
    ["some", undefined, { vary: "Origin" }],
    ["all", undefined, {}],
  ])("of %s by %s is a call as any, which no page may read", async (path, by, headers) => {
    const response = await call(path, by);
    expect([response.status, corsOf(response)]).toEqual([202, headers]);
  });
});
