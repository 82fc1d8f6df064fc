/** What is read of the queue to decide how many workers there shall be. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import {
  type CallState,
  QUEUE,
  type QueuedCall,
  STREAM,
  toStateSubject,
} from "../../../../contract/queue/index.ts";
import { QueueFactsReader } from "../../../../services/gateway/calls/queue-facts.ts";
import { CallStates } from "../../../../services/lib/queue/call-states.ts";
import { FakeStreams } from "../../../support/fake-streams.ts";
import { NOTHING } from "../../../support/queue-facts.ts";
import { LEAST_CALL } from "../../../support/queued-message.ts";

const NOW = 1_795_906_000_000;
const USUAL: string = QUEUE.name;
const LANE = "faas-request.fn.f.faas-request";
let streams: FakeStreams;
let reader: QueueFactsReader;
let loads: { running: number; longestMs: number };
let drawn: number;

beforeEach(() => {
  jest.spyOn(Date, "now").mockReturnValue(NOW);
  streams = new FakeStreams();
  loads = { running: 0, longestMs: 0 };
  drawn = 0;
  reader = new QueueFactsReader({
    access: () => streams.access,
    states: new CallStates(streams.link),
    loads: { sum: () => loads },
    queueNames: ["slow"],
  });
});

afterEach(() => {
  jest.restoreAllMocks();
});

/** Queues a call that came so long ago; its id. */
function put(changes: Partial<QueuedCall> = {}, { queue = USUAL, ago = 0 } = {}) {
  drawn += 1;
  const nonce = String(drawn).padStart(16, "n");
  const reference = { name: "f", namespace: "fn" };
  const id = streams.putCall({ ...LEAST_CALL, reference, nonce, ...changes }, queue);
  const message = streams.kept.get(STREAM.calls)?.at(-1);
  Object.assign(message ?? {}, { time: new Date(NOW - ago) });
  return id;
}

/** A worker has asked for the messages of a lane, and was given those up to a place. */
function take(given: number, waiting: number, lane = LANE): void {
  const known = streams.consumers.get(STREAM.calls) ?? [];
  streams.consumers.set(STREAM.calls, [
    ...known,
    {
      config: { filter_subject: lane },
      num_pending: waiting,
      num_ack_pending: 0,
      num_redelivered: 0,
      delivered: { stream_seq: given },
    },
  ]);
}

function tell(id: string, state: Partial<CallState>): void {
  const told = { state: "retrying", attempts: 1, starts: 1, at: 1, ...state };
  const subject = toStateSubject({ name: "f", namespace: "fn" }, id);
  streams.put(STREAM.states, subject, { data: JSON.stringify(told) });
}

describe("how many calls wait", () => {
  test("is none where the queue is empty", async () => {
    expect(await reader.read()).toEqual(NOTHING);
  });

  test("is all that no worker has asked for yet", async () => {
    put();
    put({ reference: { name: "g", namespace: "fn" } });
    expect(await reader.read()).toMatchObject({ waiting: 2, dueInMs: 0 });
  });

  test("is what the lane's consumer was not given, and the rest of it runs or is over", async () => {
    put();
    put();
    take(1, 1);
    expect(await reader.read()).toMatchObject({ waiting: 1 });
  });

  test("has nothing of another queue, whose workers are nobody's to scale", async () => {
    put({}, { queue: "slow", ago: 60_000 });
    take(0, 1, "faas-request.fn.f.slow");
    expect(await reader.read()).toEqual(NOTHING);
  });

  test("has those of a queue that nobody has any more: the usual workers run them", async () => {
    put({}, { queue: "gone" });
    expect(await reader.read()).toMatchObject({ waiting: 1 });
  });

  test("has callbacks, too, any of which is reason enough for a worker", async () => {
    streams.put(STREAM.callbacks, "faas-callback.x", { at: NOW - 3000 });
    expect(await reader.read()).toMatchObject({ waiting: 1, oldestWaitMs: 3000, dueInMs: 0 });
  });
});

describe("what runs", () => {
  test("is what the workers say, and keeps one of them", async () => {
    loads = { running: 2, longestMs: 7000 };
    expect(await reader.read()).toMatchObject({ running: 2, longestRunMs: 7000, dueInMs: 0 });
  });
});

describe("how long the oldest waits", () => {
  test("is since it came, of those that nobody was given", async () => {
    put({}, { ago: 9000 });
    put({}, { ago: 4000 });
    put({}, { ago: 1000 });
    take(1, 2);
    expect(await reader.read()).toMatchObject({ oldestWaitMs: 4000 });
  });

  test("is that of the lane whose turn was longest ago", async () => {
    put({ reference: { name: "g", namespace: "fn" } }, { ago: 5000 });
    put({}, { ago: 2000 });
    take(1, 1);
    expect(await reader.read()).toMatchObject({ oldestWaitMs: 5000 });
  });

  test("is that lane's, too, where there are more of them than are read", async () => {
    put({ reference: { name: "g", namespace: "fn" } }, { ago: 5000 });
    for (let index = 0; index < 9; index += 1) {
      const reference = { name: `f${index}`, namespace: "fn" };
      put({ reference });
      put({ reference });
      take(streams.lastOf(STREAM.calls) - 1, 1, `faas-request.fn.f${index}.faas-request`);
    }
    expect(await reader.read()).toMatchObject({ oldestWaitMs: 5000 });
  });

  test("is since it is due of a call that was delayed", async () => {
    put({ notBefore: NOW - 1500 }, { ago: 60_000 });
    expect(await reader.read()).toMatchObject({ oldestWaitMs: 1500 });
    put({ notBefore: NOW + 60_000 }, { ago: 60_000 });
    expect(await reader.read()).toMatchObject({ oldestWaitMs: 1500 });
  });

  test("is nothing of one that is due later, or that has gone meanwhile", async () => {
    put({ notBefore: NOW + 60_000 }, { ago: 60_000 });
    expect(await reader.read()).toMatchObject({ oldestWaitMs: 0 });
    take(5, 1, "faas-request.fn.gone.faas-request");
    expect(await reader.read()).toMatchObject({ oldestWaitMs: 0 });
  });

  test("is read of eight lanes at most, however many there are", async () => {
    for (let index = 0; index < 20; index += 1) {
      put({ reference: { name: `f${index}`, namespace: "fn" } });
    }
    loads = { running: 1, longestMs: 0 };
    streams.asked.length = 0;
    await reader.read();
    expect(streams.asked.filter((what) => what.startsWith("get"))).toHaveLength(8);
  });
});

describe("when the next one is due", () => {
  test("is never where there is none", async () => {
    expect(await reader.read()).toMatchObject({ dueInMs: Infinity });
  });

  test("is at once where it is not delayed, and else when it is due", async () => {
    put({ notBefore: NOW + 60_000 });
    put({ notBefore: NOW + 20_000 });
    expect(await reader.read()).toMatchObject({ dueInMs: 20_000 });
    put();
    expect(await reader.read()).toMatchObject({ dueInMs: 0 });
  });

  test("is when it is run again, of one that a worker has given back", async () => {
    const id = put();
    take(1, 0);
    tell(id, { nextAt: NOW + 30_000 });
    expect(await reader.read()).toMatchObject({ waiting: 0, dueInMs: 30_000 });
  });

  test.each<[string, Partial<CallState>]>([
    ["runs, as its worker may have gone", { state: "running" }],
    ["is run again nobody says when", { state: "retrying" }],
    ["is over and only not deleted", { state: "done" }],
  ])("is at once of one that %s", async (_what, state) => {
    tell(put({ notBefore: NOW + 60_000 }), state);
    take(1, 0);
    expect(await reader.read()).toMatchObject({ dueInMs: 0 });
  });

  test("is at once for what another publisher has written: a worker has to move it", async () => {
    put({ notBefore: NOW + 60_000 });
    expect(await reader.read()).toMatchObject({ dueInMs: 60_000 });
    streams.put(STREAM.calls, "faas-request", { data: "{}" });
    expect(await reader.read()).toMatchObject({ dueInMs: 0 });
  });

  test("is not that of another queue's calls", async () => {
    put({ notBefore: NOW + 5000 }, { queue: "slow" });
    put({ notBefore: NOW + 50_000 });
    expect(await reader.read()).toMatchObject({ dueInMs: 50_000 });
  });

  test("is read anew only when the stream has changed or the time has come", async () => {
    put({ notBefore: NOW + 10_000 });
    const read = async (): Promise<[number, number]> => {
      streams.asked.length = 0;
      const { dueInMs } = await reader.read();
      return [dueInMs, streams.asked.filter((what) => what === `get ${STREAM.states}`).length];
    };
    expect(await read()).toEqual([10_000, 1]);
    expect(await read()).toEqual([10_000, 0]);
    jest.spyOn(Date, "now").mockReturnValue(NOW + 4000);
    expect(await read()).toEqual([6000, 0]);
    put({ notBefore: NOW + 5000 });
    expect(await read()).toEqual([1000, 2]);
    jest.spyOn(Date, "now").mockReturnValue(NOW + 5000);
    expect(await read()).toEqual([0, 2]);
  });

  test("is at once where there are too many to read of each", async () => {
    for (let count = 0; count < 257; count += 1) {
      put({ notBefore: NOW + 60_000 });
    }
    streams.asked.length = 0;
    expect(await reader.read()).toMatchObject({ dueInMs: 0 });
    expect(streams.asked.filter((what) => what === `get ${STREAM.states}`)).toEqual([]);
  });
});

test("facts that cannot be read are an error, and no facts", async () => {
  streams.onAsk = () => {
    throw new Error("away");
  };
  await expect(reader.read()).rejects.toThrow("away");
});
