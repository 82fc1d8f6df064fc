/** Dead letters: kept before their message is done with, and told of without callers' data. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import { readLetter, STREAM } from "../../../contract/queue/index.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { DeadLetters } from "../../../services/queue-worker/dead-letters.ts";
import { WorkerMetrics } from "../../../services/queue-worker/metrics.ts";
import { createDelivery, deliverCall } from "../../support/delivery.ts";
import { FakeQueue } from "../../support/fake-queue.ts";
import { createKeptLog, type KeptLog } from "../../support/logs.ts";

let queue: FakeQueue;
let registry: Registry;
let log: KeptLog;
let letters: DeadLetters;

beforeEach(() => {
  queue = new FakeQueue();
  registry = new Registry();
  log = createKeptLog();
  const metrics = new WorkerMetrics(registry);
  letters = new DeadLetters({ link: queue.link, metrics, logger: log.logger });
});

const CAUSE = { kind: "call", id: "7-AAAAAAAAAAAAAAAA", reason: "status 500" } as const;

describe("a dead letter", () => {
  test("is its message with the cause, in the place of its function", async () => {
    const reference = { name: "cat", namespace: "dev" };
    const body = Buffer.from("body");
    const delivery = deliverCall({ reference, headers: { "X-A": ["1", "2"] }, body });
    const before = Date.now();
    const cause = { ...CAUSE, attempts: 3, status: 500, answer: Buffer.from("oh") };
    expect(await letters.bury(delivery, cause)).toEqual({ isDone: true });
    const { subject, fields, payload } = queue.only;
    expect(subject).toBe("faas-dead.dev.cat");
    expect(payload).toEqual(body);
    expect(fields.filter(([name]) => !name.startsWith("Plonk-Dead-"))).toEqual([
      ...delivery.fields,
    ]);
    const { diedAt, ...letter } = readLetter(fields);
    expect(letter).toEqual({ ...cause, subject: "faas-request.dev.cat.faas-request" });
    expect(diedAt).toBeGreaterThanOrEqual(before);
  });

  test("is the same one when it is kept again, and another's is not", async () => {
    for (const sequence of [7, 7, 8]) {
      await letters.bury(createDelivery({ sequence, storedAt: 1_795_906_000_000 }), CAUSE);
    }
    expect(queue.stored.map(({ messageId }) => messageId)).toEqual([
      "OF_faas-request 7 1795906000000",
      "OF_faas-request 7 1795906000000",
      "OF_faas-request 8 1795906000000",
    ]);
  });

  test.each([
    ["callback", { stream: STREAM.callbacks, subject: "faas-callback.ab12" }],
    ["message of another publisher", { subject: "faas-request" }],
  ])("of a %s is nobody's", async (_what, options) => {
    await letters.bury(createDelivery(options), CAUSE);
    expect(queue.only.subject).toBe("faas-dead._._");
  });

  test("has nothing that its message has said to NATS", async () => {
    const fields: [string, string][] = [
      ["Nats-Msg-Id", "x"],
      ["Nats-Expected-Stream", "OF_faas-request"],
      ["Http-Nats-Rollup", "all"],
    ];
    await letters.bury(createDelivery({ fields }), CAUSE);
    const names = queue.only.fields.map(([name]) => name).filter((name) => name.includes("Nats"));
    expect(names).toEqual(["Http-Nats-Rollup"]);
  });

  test("has the beginning of a cause without end: it must fit its place", async () => {
    await letters.bury(createDelivery(), {
      ...CAUSE,
      reason: `${"x".repeat(999)} ${"\u65e5".repeat(9)}`,
    });
    await letters.bury(createDelivery(), { ...CAUSE, reason: "x".repeat(1_000_000) });
    const reasons = queue.stored.map(({ fields }) => readLetter(fields).reason);
    expect(reasons).toEqual([`${"x".repeat(999)}...`, `${"x".repeat(1000)}...`]);
    expect(log.text().length).toBeLessThan(5000);
  });

  test("is counted and told of, without what is in it", async () => {
    const canary = "canary-c0de";
    const answer = Buffer.from(canary);
    await letters.bury(deliverCall({ headers: { Authorization: [canary] }, body: answer }), {
      ...CAUSE,
      answer,
    });
    expect(log.text()).toContain('"kind":"call","reason":"status 500","msg":"dead letter"');
    expect(log.text()).not.toContain(canary);
    expect(await registry.metrics()).toContain(
      'queue_worker_dead_letters_total{function_name="f.openfaas-fn",kind="call"} 1',
    );
  });

  test("that cannot be kept leaves its message where it is", async () => {
    queue.failures.set("faas-dead", new Error("maximum bytes exceeded"));
    expect(await letters.bury(createDelivery(), CAUSE)).toEqual({ isDone: false, waitMs: 5000 });
    expect(log.text()).toContain('"reason":"maximum bytes exceeded","msg":"dead letter not kept"');
    expect(await registry.metrics()).not.toContain("queue_worker_dead_letters_total{");
  });
});
