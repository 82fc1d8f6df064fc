/** What a caller asks of the queue by headers: once only, when, and where the answer goes. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { collectCleanups } from "../../support/cleanup.ts";
import { QueueGateway, readId } from "../../support/queue-gateway.ts";

const atEnd = collectCleanups(afterAll);
let queue: QueueGateway;

beforeAll(async () => {
  queue = await QueueGateway.start();
  atEnd(() => queue.stop());
});

describe("Idempotency-Key", () => {
  test("makes one call of several, of one function and one caller, and says so", async () => {
    const before = await queue.countCalls();
    const send = (name: string, key: string, authorization = ""): Promise<Response> =>
      queue.call(name, {
        headers: { "idempotency-key": key, ...(authorization && { authorization }) },
      });
    const first = await send("f", "k 1");
    const again = await send("f", "k 1");
    expect([first.headers.get("idempotency-replayed"), readId(first)]).toEqual([
      null,
      readId(again),
    ]);
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([202, "true"]);
    const others = [
      await send("f", "k 2"),
      await send("g", "k 1"),
      await send("f", "k 1", "Basic x"),
    ];
    expect(others.map(({ headers }) => headers.get("idempotency-replayed"))).toEqual([
      ...[null, null, null],
    ]);
    expect(await queue.countCalls()).toBe(before + 4);
  });

  test.each(["", " ", "x".repeat(256)])("of %j is refused", async (key) => {
    const answer = await queue.sendRaw("POST /async-function/f HTTP/1.1", ["Idempotency-Key", key]);
    expect(answer).toContain("400 Bad Request");
    expect(answer).toContain("Idempotency-Key: expected 1 to 255 visible characters");
  });
});

test("X-Keep-Result-Seconds is stored as it is asked for", async () => {
  const { keepResultSeconds } = await queue.store("f", {
    headers: { "x-keep-result-seconds": "604800" },
  });
  expect(keepResultSeconds).toBe(604_800);
});

describe("numbers of seconds", () => {
  test("are stored as times", async () => {
    const headers = { "x-delay-seconds": "60", "x-expires-seconds": "3600" };
    const { acceptedAt, notBefore, expiresAt } = await queue.store("f", { headers });
    expect([(notBefore ?? 0) - acceptedAt, (expiresAt ?? 0) - acceptedAt]).toEqual([
      ...[60_000, 3_600_000],
    ]);
  });

  test.each([
    ["X-Delay-Seconds", "-1", 0],
    ["X-Delay-Seconds", "1.5", 0],
    ["X-Delay-Seconds", "604801", 0],
    ["X-Expires-Seconds", "0", 1],
    ["X-Expires-Seconds", "soon", 1],
    ["X-Keep-Result-Seconds", "0", 1],
    ["X-Keep-Result-Seconds", "604801", 1],
  ])("%s: %s is refused", async (name, value, least) => {
    const response = await queue.call("f", { headers: { [name]: value } });
    expect([response.status, await response.text()]).toEqual([
      400,
      `${name}: expected a whole number of seconds from ${least} to 604800, got "${value}"`,
    ]);
  });
});

describe("X-Retry headers", () => {
  test("go before what the function's annotations say, and reach the function as well", async () => {
    const headers = { "x-retry-attempts": "7", "x-retry-max-wait": "1m" };
    const stored = await queue.store("g", { headers });
    expect(stored.retry).toEqual({ attempts: 7, codes: [500, 503], maxWaitMs: 60_000 });
    expect(stored.headers).toMatchObject({ "X-Retry-Attempts": ["7"] });
  });

  test("that say nothing sensible are refused", async () => {
    const response = await queue.call("f", { headers: { "x-retry-codes": "teapot" } });
    expect([response.status, await response.text()]).toEqual([
      400,
      "X-Retry-Codes: expected HTTP statuses such as 429,503",
    ]);
  });
});

describe("X-Callback-Url", () => {
  test.each([
    ["ftp://example.org/x"],
    ["javascript:alert(1)"],
    ["/relative"],
    ["http://user:canary-pass@example.org/"],
    ["http://"],
  ])("of %s is refused", async (url) => {
    const response = await queue.call("f", { headers: { "x-callback-url": url } });
    expect([response.status, await response.text()]).toEqual([
      400,
      "X-Callback-Url: expected an http or https URL without credentials",
    ]);
    expect(queue.gateway.log.text()).not.toContain("canary-pass");
  });

  test.each([
    ["http://169.254.169.254/latest/meta-data"],
    ["http://10.0.0.1/"],
    ["http://[::1]/"],
    ["http://nats:8222/"],
    ["http://alertmanager.openfaas.svc.cluster.local:9093/api/v2/alerts"],
    ["http://gateway:8080/system/functions"],
  ])("inside the cluster, as %s, is refused", async (url) => {
    const response = await queue.call("f", { headers: { "x-callback-url": url } });
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringMatching(/^X-Callback-Url: /),
    ]);
  });

  test.each([
    "http://gateway.openfaas:8080/async-function/g",
    "http://gateway:8080/function/g?x=1",
  ])("of a function of the platform's own, as %s, is taken", async (url) => {
    const stored = await queue.store("f", { headers: { "x-callback-url": url } });
    expect(stored.callback?.href).toBe(url);
  });
});
