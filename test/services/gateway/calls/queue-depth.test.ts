/** How many calls no worker was given, by function. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { QUEUE, STREAM } from "../../../../contract/queue/index.ts";
import { QueueDepths } from "../../../../services/gateway/calls/queue-depth.ts";
import { FakeStreams } from "../../../support/fake-streams.ts";
import { LEAST_CALL } from "../../../support/queued-message.ts";

let streams: FakeStreams;
let depths: QueueDepths;

beforeEach(() => {
  jest.useFakeTimers();
  streams = new FakeStreams();
  depths = new QueueDepths(() => streams.access.manager);
});

afterEach(() => {
  jest.useRealTimers();
});

function put(name: string, queue: string = QUEUE.name, namespace = "fn"): void {
  streams.putCall({ ...LEAST_CALL, reference: { name, namespace } }, queue);
}

/** What a lane's consumer has not given yet. */
function leave(lane: string, waiting: number): void {
  const known = streams.consumers.get(STREAM.calls) ?? [];
  const rest = { num_ack_pending: 1, num_redelivered: 0, delivered: { stream_seq: 1 } };
  const config = { filter_subject: lane };
  streams.consumers.set(STREAM.calls, [...known, { config, num_pending: waiting, ...rest }]);
}

const looks = (): number => streams.asked.filter((what) => what === `info ${STREAM.calls}`).length;

describe("calls that wait", () => {
  test("are none where the queue is empty", async () => {
    expect(await depths.read()).toEqual({});
  });

  test("are by function, of lanes that no worker has asked for yet, too", async () => {
    put("f");
    put("f");
    put("g");
    put("f", QUEUE.name, "other");
    expect(await depths.read()).toEqual({ "f.fn": 2, "g.fn": 1, "f.other": 1 });
  });

  test("are those of all queues together, also of one that nobody has any more", async () => {
    put("f");
    put("f", "slow");
    put("f", "gone");
    leave("faas-request.fn.f.slow", 4);
    expect(await depths.read()).toEqual({ "f.fn": 6 });
  });

  test("are not those that a worker was given, so that a function without any is not there", async () => {
    put("f");
    put("f");
    put("g");
    leave("faas-request.fn.f.faas-request", 1);
    leave("faas-request.fn.g.faas-request", 0);
    expect(await depths.read()).toEqual({ "f.fn": 1 });
  });

  test("are of a lane of before there were queues, too", async () => {
    streams.put(STREAM.calls, "faas-request.fn.f", { data: "{}" });
    expect(await depths.read()).toEqual({ "f.fn": 1 });
  });

  test("are nobody's as long as no worker has moved what another publisher has written", async () => {
    streams.put(STREAM.calls, "faas-request", { data: "{}" });
    leave("faas-request", 3);
    expect(await depths.read()).toEqual({});
  });
});

describe("a look", () => {
  test("is shared by those who ask within half a second, and is then made anew", async () => {
    put("f");
    expect(await Promise.all([depths.read(), depths.read()])).toEqual([
      { "f.fn": 1 },
      { "f.fn": 1 },
    ]);
    put("f");
    jest.advanceTimersByTime(500);
    expect([await depths.read(), looks()]).toEqual([{ "f.fn": 1 }, 1]);
    jest.advanceTimersByTime(1);
    expect([await depths.read(), looks()]).toEqual([{ "f.fn": 2 }, 2]);
  });

  test("that fails tells nothing, and the next one does", async () => {
    put("f");
    streams.onAsk = () => {
      throw new Error("away");
    };
    expect(await depths.read()).toBeUndefined();
    streams.onAsk = () => undefined;
    jest.advanceTimersByTime(501);
    expect(await depths.read()).toEqual({ "f.fn": 1 });
  });

  test("tells nothing without a connection", async () => {
    const absent = new QueueDepths(() => {
      throw new Error("queue: not connected");
    });
    expect(await absent.read()).toBeUndefined();
  });

  test("that takes long is the only one, and is waited for 400 ms at most", async () => {
    put("f");
    const { manager } = streams.access;
    const stuck: (() => void)[] = [];
    const info = async (stream: string, options: { subjects_filter: string }): Promise<unknown> => {
      await new Promise<void>((resolve) => {
        stuck.push(resolve);
      });
      return manager.streams.info(stream, options);
    };
    const slow = new QueueDepths(
      () => ({ ...manager, streams: { ...manager.streams, info } }) as unknown as typeof manager,
    );
    const ended: string[] = [];
    const read = (what: string): void => {
      void slow.read().then((found) => ended.push(`${what} ${JSON.stringify(found)}`));
    };
    read("first");
    await jest.advanceTimersByTimeAsync(250);
    read("second");
    await jest.advanceTimersByTimeAsync(149);
    expect(ended).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(ended).toEqual(["first undefined"]);
    await jest.advanceTimersByTimeAsync(250);
    expect(ended).toEqual(["first undefined", "second undefined"]);
    expect(stuck).toHaveLength(1);
    stuck[0]?.();
    await jest.advanceTimersByTimeAsync(0);
    // It is of 650 ms ago: another one begins, and what there is counts where that is late, too.
    read("third");
    await jest.advanceTimersByTimeAsync(400);
    expect(ended.at(-1)).toBe('third {"f.fn":1}');
    expect(stuck).toHaveLength(2);
    await jest.advanceTimersByTimeAsync(5000);
    read("fourth");
    await jest.advanceTimersByTimeAsync(400);
    expect(ended.at(-1)).toBe("fourth undefined");
    stuck[1]?.();
  });
});
