/** The queue as the gateway uses it: what is stored, and which error says why not. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import {
  MalformedMessageError,
  parseCallId,
  QUEUE,
  type QueuedCall,
  STREAM,
} from "../../../../contract/queue/index.ts";
import {
  AsyncPublisher,
  MessageTooLargeError,
  QueueFullError,
} from "../../../../services/gateway/calls/async-publisher.ts";
import { createRegistry } from "../../../../services/lib/metrics.ts";
import type { NatsConnector } from "../../../../services/lib/nats.ts";
import { NobodyThereError } from "../../../../services/lib/queue/publish.ts";
import { QueueUnavailableError } from "../../../../services/lib/queue/queue-link.ts";
import { apiError, FakeStreams } from "../../../support/fake-streams.ts";
import { createKeptLog } from "../../../support/logs.ts";
import { LEAST_CALL } from "../../../support/queued-message.ts";

const call: QueuedCall = { ...LEAST_CALL, reference: { name: "f", namespace: "fn" } };
const USUAL = { queue: "faas-request" };
let streams: FakeStreams;
let queue: AsyncPublisher;
/** How often it was asked to look after the streams, and what that does. */
let checks: number;
let onCheck: () => void;

beforeEach(() => {
  streams = new FakeStreams();
  checks = 0;
  onCheck = () => undefined;
  // Never connected: the way to the streams is a test's own.
  const nats = {
    connection: () => Promise.reject(new Error("no server")),
    onReconnect: () => undefined,
    problem: () => undefined,
  };
  queue = new AsyncPublisher({
    nats: nats as unknown as NatsConnector,
    logger: createKeptLog().logger,
    registry: createRegistry(),
  });
  const link = {
    access: streams.access,
    get maxPayload() {
      return streams.maxPayload;
    },
    check: () => {
      checks += 1;
      onCheck();
      return Promise.resolve();
    },
  };
  Object.defineProperty(queue, "link", { value: link });
});

/** Has the first questions fail with these errors, one after the other. */
function failWith(...errors: Error[]): void {
  streams.onAsk = () => {
    const error = errors.shift();
    if (error !== undefined) {
      throw error;
    }
  };
}

const nobodyThere = (): Error => new NobodyThereError("no JetStream");

describe("a call", () => {
  test("is stored in the lane of its function, and whoever waits for one hears of it", async () => {
    let heard = 0;
    queue.onQueued = () => void (heard += 1);
    const accepted = await queue.publish(call, { queue: "slow" });
    expect(accepted).toEqual({ id: `1-${call.nonce}`, isRepeated: false });
    expect(streams.kept.get(STREAM.calls)?.[0]?.subject).toBe("faas-request.fn.f.slow");
    expect(streams.said).toEqual(["faas-hint.fn.f.slow"]);
    expect(heard).toBe(1);
  });

  test("that is stored is accepted, though the connection is lost before anybody hears of it", async () => {
    const { access } = streams;
    const publish = (): void => {
      throw new Error("closed connection");
    };
    const lost = { ...access, connection: { publish } };
    Object.defineProperty(queue, "link", { value: { access: lost, maxPayload: Infinity } });
    expect(await queue.publish(call, USUAL)).toMatchObject({ id: `1-${call.nonce}` });
  });

  test("that was accepted before is told by the id of that one, and wakes nobody", async () => {
    const options = { ...USUAL, messageId: "same" };
    const first = await queue.publish({ ...call, nonce: "BBBBBBBBBBBBBBBB" }, options);
    let heard = 0;
    queue.onQueued = () => void (heard += 1);
    expect(await queue.publish(call, options)).toEqual({ id: first.id, isRepeated: true });
    expect(parseCallId(first.id ?? "")?.nonce).toBe("BBBBBBBBBBBBBBBB");
    expect([streams.said.length, heard]).toEqual([1, 0]);
  });

  test("that was accepted before and is over has no id any more", async () => {
    const options = { ...USUAL, messageId: "same" };
    await queue.publish(call, options);
    streams.kept.clear();
    expect(await queue.publish(call, options)).toEqual({ id: undefined, isRepeated: true });
  });

  test("of no function is refused before anything is asked", async () => {
    const nobody = { ...call, reference: { name: "", namespace: "fn" } };
    await expect(queue.publish(nobody, USUAL)).rejects.toThrow(MalformedMessageError);
    expect(streams.asked).toEqual([]);
  });

  test("that is larger than a message may be is refused with the limit", async () => {
    streams.maxPayload = 1000;
    const large = { ...call, body: Buffer.alloc(1000) };
    const refused = queue.publish(large, USUAL);
    await expect(refused).rejects.toThrow(MessageTooLargeError);
    await expect(refused).rejects.toThrow(/^message: expected at most 1000 bytes, got \d{4}$/);
    expect(streams.asked).toEqual([]);
  });

  test("is stored in streams that are made anew meanwhile, where NATS has lost them", async () => {
    failWith(nobodyThere());
    expect(await queue.publish(call, USUAL)).toMatchObject({ isRepeated: false });
    expect(checks).toBe(1);
  });

  test("is told to be not stored where there is no JetStream either", async () => {
    failWith(nobodyThere(), nobodyThere());
    await expect(queue.publish(call, USUAL)).rejects.toThrow(QueueUnavailableError);
    expect(checks).toBe(1);
  });

  test("is not tried again where it may have been stored", async () => {
    failWith(new Error("timeout"));
    await expect(queue.publish(call, USUAL)).rejects.toThrow("queue: timeout");
    expect([checks, streams.placesIn(STREAM.calls)]).toEqual([0, []]);
  });
});

describe("an error", () => {
  test.each([10_047, 10_028, 10_077, 10_054, 10_002, 10_023])(
    "%d of JetStream's says that there is no room",
    async (code) => {
      failWith(apiError(code));
      const refused = queue.publish(call, USUAL);
      await expect(refused).rejects.toThrow(QueueFullError);
      await expect(refused).rejects.toMatchObject({ cause: { code } });
    },
  );

  test.each([
    ["another of JetStream's", apiError(10_059)],
    ["a time-out", new Error("timeout")],
    ["one that says already that the queue is away", new QueueUnavailableError("queue: away")],
  ])("by %s says that the queue cannot be reached", async (_what, error) => {
    failWith(error);
    await expect(queue.publish(call, USUAL)).rejects.toThrow(QueueUnavailableError);
  });
});

describe("a body", () => {
  async function* source(...parts: string[]): AsyncGenerator<Uint8Array, void> {
    yield* await Promise.resolve(parts.map((part) => Buffer.from(part)));
  }

  test("beside its message is kept until it is forgotten", async () => {
    const body = await queue.keep("name", source("a", "b"));
    expect(body).toEqual({ name: "name", bytes: 2 });
    await queue.forget(body);
    expect(streams.bodies.kept.size).toBe(0);
  });

  test("that is forgotten twice, or is in its message, is no failure", async () => {
    await queue.forget({ name: "gone", bytes: 1 });
    await queue.forget(Buffer.from("inline"));
    expect(streams.bodies.kept.size).toBe(0);
  });

  test("that the store cannot take is told as the queue's failure", async () => {
    streams.bodies.failsAfter = 1;
    await expect(queue.keep("name", source("ab"))).rejects.toThrow(QueueUnavailableError);
  });

  test.each([
    [Infinity, QUEUE.maxInlineBytes],
    [1024 * 1024, QUEUE.maxInlineBytes],
    [100_001, 50_000],
    [0, 0],
  ])("is within its message up to its limit, with a NATS that takes %d bytes", (most, inline) => {
    streams.maxPayload = most;
    expect(queue.maxInlineBytes).toBe(inline);
  });
});

describe("the status", () => {
  const consumer = (inFlight: number, redelivered: number) => ({
    config: {},
    num_pending: 0,
    num_ack_pending: inFlight,
    num_redelivered: redelivered,
    delivered: { stream_seq: 0 },
  });

  test("has what waits and what runs, of all lanes together", async () => {
    [1, 2, 3, 4, 5].forEach(() => streams.putCall(call));
    streams.consumers.set(STREAM.calls, [consumer(1, 0), consumer(2, 1)]);
    expect(await queue.status()).toEqual({
      name: "faas-request",
      pending: 2,
      inFlight: 3,
      redelivered: 1,
    });
  });

  test("has none that waits, rather than fewer, where some ended between the two looks", async () => {
    streams.putCall(call);
    streams.consumers.set(STREAM.calls, [consumer(3, 0)]);
    expect(await queue.status()).toMatchObject({ pending: 0, inFlight: 3 });
  });

  test("is not known while the queue is away", async () => {
    failWith(new Error("lost"));
    await expect(queue.status()).rejects.toMatchObject({
      name: "QueueUnavailableError",
      message: "queue: lost",
    });
  });
});
