/** What a worker keeps of an answer, and what happens where it cannot. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import { JetStreamApiError } from "@nats-io/jetstream";
import fc from "fast-check";
import { decodeResult, type KeptResult } from "../../../contract/queue/index.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import type { Run } from "../../../services/queue-worker/call-function.ts";
import { KeptResults } from "../../../services/queue-worker/kept-results.ts";
import { WorkerMetrics } from "../../../services/queue-worker/metrics.ts";
import { toFunctionCall } from "../../../services/queue-worker/queued-call.ts";
import { deliverCall } from "../../support/delivery.ts";
import { FakeQueue } from "../../support/fake-queue.ts";
import { createKeptLog, type KeptLog } from "../../support/logs.ts";
import { runs } from "../../support/property-runs.ts";

const HEAD = "faas-result.dev.f.7-AAAAAAAAAAAAAAAA";
const PIECE = `${HEAD}.piece`;
const OVER = `${HEAD}.over`;
const NAME = "AAAAAAAAAAAAAAAA-answer";

let queue: FakeQueue;
let registry: Registry;
let log: KeptLog;
let results: KeptResults;

function create(): void {
  queue = new FakeQueue();
  registry = new Registry();
  log = createKeptLog();
  const metrics = new WorkerMetrics(registry);
  const { logger } = log;
  results = new KeptResults({ link: queue.link, metrics, logger, waitsMs: [0, 0] });
}

beforeEach(create);

const CALL = toFunctionCall(
  deliverCall({ reference: { name: "f", namespace: "dev" }, headers: { "x-call-id": ["c1"] } }),
);

const RUN: Run = {
  status: 418,
  headers: { "content-type": "text/tea", "content-length": "3", connection: "x-hop", "x-hop": "1" },
  seconds: 1.5,
  capture: { body: Buffer.from("canary"), isTruncated: false },
};

function keep(run: Partial<Run> = {}): Promise<boolean> {
  return results.keep(CALL, { ...RUN, ...run }, 60);
}

/** The last result that is stored, and how many there are. */
function read(): { result: KeptResult | undefined; count: number } {
  const heads = queue.stored.filter(({ subject }) => subject === HEAD);
  const last = heads.at(-1);
  const result = last && decodeResult(last.fields, last.payload);
  return { result: result && { ...result, headers: { ...result.headers } }, count: heads.length };
}

async function count(): Promise<string[]> {
  const text = await registry.metrics();
  return text.split("\n").filter((line) => line.startsWith("queue_worker_results_total{"));
}

const FULL = new JetStreamApiError({ code: 503, err_code: 10_077, description: "maximum bytes" });

describe("an answer", () => {
  test("is kept with its status and its headers, as a callback's are", async () => {
    const before = Date.now();
    expect(await keep()).toBe(true);
    const { result } = read();
    expect(result).toMatchObject({
      status: 418,
      headers: {
        "content-type": ["text/tea"],
        "x-duration-seconds": ["1.500000"],
        "x-function-status": ["418"],
        "x-function-name": ["f.dev"],
        "x-call-id": ["c1"],
      },
      body: Buffer.from("canary"),
    });
    expect(Object.keys(result?.headers ?? {})).toHaveLength(5);
    expect((result?.expiresAt ?? 0) - before).toBeGreaterThanOrEqual(60_000);
    expect(await count()).toEqual([
      'queue_worker_results_total{function_name="f.dev",outcome="kept"} 1',
    ]);
  });

  test("has its time as NATS knows it, and two days more are told that it was there", async () => {
    await keep();
    const times = queue.stored.map(({ subject, fields }) => [
      subject,
      fields.find(([name]) => name === "Nats-TTL")?.[1],
    ]);
    expect(times).toEqual([
      [HEAD, ["60s"]],
      [OVER, ["172860s"]],
    ]);
  });

  test("that is cut says so", async () => {
    await keep({ capture: { body: Buffer.from("te"), isTruncated: true } });
    expect(read().result?.headers).toMatchObject({ "x-plonk-truncated": ["true"] });
  });

  test("of a later run is the last one, which is what is read", async () => {
    await keep();
    await keep({ status: 200 });
    expect(read()).toMatchObject({ result: { status: 200 }, count: 2 });
  });

  test("that is large is kept piece by piece, and seen when all of them are there", async () => {
    const body = Buffer.alloc(600 * 1024, "0123456789abcdefg");
    queue.bodies.kept.set(NAME, body);
    await keep({ capture: { body: { name: NAME, bytes: body.length }, isTruncated: false } });
    expect(queue.stored.map(({ subject }) => subject)).toEqual([PIECE, PIECE, PIECE, HEAD, OVER]);
    const pieces = queue.stored.slice(0, 3);
    expect(Buffer.concat(pieces.map(({ payload }) => payload)).equals(body)).toBe(true);
    expect(read().result?.body).toEqual({ bytes: body.length, pieces: [1, 2, 3] });
    // Longer than it is seen: who has begun to read it in time gets all of it.
    for (const { fields } of pieces) {
      expect(fields).toEqual([["Nats-TTL", ["70s"]]]);
    }
  });

  test("is cut into pieces of any stream, none of them too large and all of them in order", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(sizes, async (chunks) => {
        create();
        const body = Buffer.from(chunks.flatMap((size, at) => Array<number>(size).fill(at)));
        queue.bodies.read = async function* () {
          let at = 0;
          for (const size of chunks) {
            yield await Promise.resolve(body.subarray(at, (at += size)));
          }
        };
        queue.maxPayload = 32;
        await keep({ capture: { body: { name: NAME, bytes: body.length }, isTruncated: false } });
        const pieces = queue.stored.filter(({ subject }) => subject === PIECE);
        expect(Buffer.concat(pieces.map(({ payload }) => payload))).toEqual(body);
        expect(pieces.slice(0, -1).every(({ payload }) => payload.length === 16)).toBe(true);
        expect(pieces.at(-1)?.payload.length).toBeLessThanOrEqual(16);
        expect(read().result?.body).toMatchObject({ bytes: body.length });
      }),
      { numRuns: runs(50) },
    );
  });
});

describe("where it cannot be kept", () => {
  test("it is tried again, for a while", async () => {
    const failures = [new Error("timeout"), new Error("no responders")];
    queue.onStore = () => {
      const failure = failures.shift();
      if (failure !== undefined) {
        throw failure;
      }
    };
    expect(await keep()).toBe(true);
    expect(read().count).toBe(1);
  });

  test("it is lost after that, and counted: the call is over all the same", async () => {
    queue.failures.set("faas-result", new Error("timeout"));
    expect(await keep()).toBe(false);
    expect(await count()).toEqual([
      'queue_worker_results_total{function_name="f.dev",outcome="lost"} 1',
    ]);
    expect(log.text().match(/"result not kept, trying again"/g)).toHaveLength(2);
    expect(log.text()).toContain('"result lost"');
    expect(log.text()).not.toContain("canary");
  });

  test("as its store is full, it is lost at once: others wait for this worker", async () => {
    queue.failures.set("faas-result", FULL);
    expect(await keep()).toBe(false);
    expect(log.text()).not.toContain("trying again");
    expect(await count()).toHaveLength(1);
  });

  test("as its large body is gone, it is lost", async () => {
    const capture = { body: { name: NAME, bytes: 600_000 }, isTruncated: false };
    expect(await keep({ capture })).toBe(false);
    expect(queue.stored).toEqual([]);
  });

  test("whichever piece is the last one that is stored, no half of it is seen", async () => {
    const body = Buffer.alloc(900 * 1024, "x");
    for (let most = 0; most < 4; most++) {
      create();
      queue.bodies.kept.set(NAME, body);
      queue.onStore = () => {
        if (queue.stored.length === most) {
          throw FULL;
        }
      };
      const capture = { body: { name: NAME, bytes: body.length }, isTruncated: false };
      expect(await keep({ capture })).toBe(false);
      expect([queue.stored.length, read().count]).toEqual([most, 0]);
    }
  });
});
