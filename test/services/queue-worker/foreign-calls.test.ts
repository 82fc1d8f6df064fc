/** Calls of other OpenFaaS publishers, on their way to the lanes of their functions. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import { decodeCall, type QueuedCall, readLetter } from "../../../contract/queue/index.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { DeadLetters } from "../../../services/queue-worker/dead-letters.ts";
import { moveForeignCall } from "../../../services/queue-worker/foreign-calls.ts";
import type { Settlement } from "../../../services/queue-worker/lanes.ts";
import { WorkerMetrics } from "../../../services/queue-worker/metrics.ts";
import { createDelivery } from "../../support/delivery.ts";
import { FakeQueue } from "../../support/fake-queue.ts";
import { createKeptLog, type KeptLog } from "../../support/logs.ts";
import { FROM_GO } from "../../support/queued-message.ts";

const STORED_AT = 1_795_906_000_000;
let queue: FakeQueue;
let log: KeptLog;

beforeEach(() => {
  queue = new FakeQueue();
  log = createKeptLog();
});

function move(message: unknown): Promise<Settlement> {
  const { link } = queue;
  const metrics = new WorkerMetrics(new Registry());
  const letters = new DeadLetters({ link, metrics, logger: log.logger });
  const payload = Buffer.from(typeof message === "string" ? message : JSON.stringify(message));
  return moveForeignCall(
    { link, letters, logger: log.logger, functionNamespace: "openfaas-fn" },
    createDelivery({ subject: "faas-request", payload, storedAt: STORED_AT }),
  );
}

function moved(): QueuedCall {
  const { headers, ...call } = decodeCall(queue.only.fields, queue.only.payload);
  return { ...call, headers: { ...headers } };
}

describe("a call of another publisher", () => {
  test("becomes one of ours in the lane of its function, which is told", async () => {
    expect(await move(FROM_GO)).toEqual({ isDone: true });
    expect(queue.only.subject).toBe("faas-request.dev.cat.faas-request");
    expect(queue.said).toEqual(["faas-hint.dev.cat.faas-request"]);
    expect(moved()).toEqual({
      nonce: expect.stringMatching(/^[\w-]{16}$/),
      reference: { name: "cat", namespace: "dev" },
      calledAs: "cat.dev",
      acceptedAt: STORED_AT,
      method: "PUT",
      path: "/sub/path",
      query: "q=1",
      host: "127.0.0.1:8080",
      headers: { "X-Call-Id": ["2749"] },
      body: Buffer.from("hello"),
      callback: new URL("http://127.0.0.1:7777/cb?a=1"),
      retry: {},
    });
  });

  test("is moved once, however often it is given", async () => {
    await move({ Function: "f" });
    expect(queue.only.messageId).toBe(`faas-request 7 ${STORED_AT}`);
  });

  test("without a namespace is one of the platform's", async () => {
    await move({ Function: "f" });
    expect(queue.only.subject).toBe("faas-request.openfaas-fn.f.faas-request");
  });

  test("has a header's bytes as Go has written them, also beyond Latin-1", async () => {
    const name = "na\u00efve \u65e5\u672c";
    await move({ Function: "f", Header: { "X-A": [name, "\u00e9"], "X-B": ["\u00a0\u65e5"] } });
    expect(moved().headers).toEqual({
      "X-A": [Buffer.from(name).toString("latin1"), "\u00e9"],
      "X-B": [Buffer.from("\u00a0\u65e5").toString("latin1")],
    });
  });

  test("stays where it is while there is no room for it", async () => {
    queue.failures.set("faas-request", new Error("no responders"));
    expect(await move({ Function: "f" })).toEqual({ isDone: false, waitMs: 5000 });
    expect(log.text()).toContain('"reason":"no responders","msg":"call not moved"');
  });
});

describe("a message that is no call becomes a dead letter", () => {
  test.each<[string, unknown, string]>([
    ["is no JSON", "{canary", "message: expected JSON, got 7 other bytes"],
    [
      "has a function that nobody can have",
      { Function: "Upper.a" },
      'Plonk-Function: expected a name, got "Upper"',
    ],
    [
      "has a function without a namespace behind its dot",
      { Function: "f." },
      'Plonk-Namespace: expected a namespace, got ""',
    ],
    [
      "has a header of two lines",
      { Function: "f", Header: { "X-A": ["canary\r\nX-B: 1"] } },
      "Header: expected names and values that HTTP knows, got another",
    ],
    [
      "has a host of two lines",
      { Function: "f", Host: "canary\r\nX-B: 1" },
      "Plonk-Host: expected a value that HTTP knows, got a string",
    ],
  ])("where it %s", async (_what, message, reason) => {
    expect(await move(message)).toEqual({ isDone: true });
    expect(queue.only.subject).toBe("faas-dead._._");
    expect(readLetter(queue.only.fields)).toMatchObject({
      kind: "malformed",
      subject: "faas-request",
      reason,
    });
    expect(log.text()).not.toContain("canary");
    expect(queue.said).toEqual([]);
  });

  test("where it is larger than any message of ours can be", async () => {
    const many = Array.from({ length: 200_000 }, () => "b");
    expect(await move({ Function: "f", Header: { "X-A": many } })).toEqual({ isDone: true });
    expect(readLetter(queue.only.fields)).toMatchObject({
      kind: "malformed",
      reason: expect.stringMatching(/^message: expected at most 1130496 bytes, got \d{7}$/),
    });
  });
});
