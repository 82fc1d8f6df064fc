/** What workers say of themselves. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { WorkerLoads } from "../../../../services/gateway/calls/worker-loads.ts";

type Hear = (error: Error | null, message: Msg) => void;

let now: number;
let loads: WorkerLoads;
let subject: string;
let hear: Hear;

beforeEach(() => {
  now = 1000;
  loads = new WorkerLoads(() => now);
  const subscribe = (to: string, { callback }: { callback: Hear }): void => {
    subject = to;
    hear = callback;
  };
  loads.listen({ subscribe } as unknown as NatsConnection);
});

function say(worker: string, text: string, error: Error | null = null): void {
  hear(error, { subject: `faas-load.${worker}`, data: Buffer.from(text) } as unknown as Msg);
}

const load = (running: number, longestMs: number): string => JSON.stringify({ running, longestMs });

describe("what workers work on", () => {
  test("is nothing where nobody has said anything", () => {
    expect(subject).toBe("faas-load.*");
    expect(loads.sum()).toEqual({ running: 0, longestMs: 0 });
  });

  test("is the sum of the last words of all, and the longest run", () => {
    say("a", load(3, 10));
    say("b", load(4, 700));
    say("a", load(5, 20));
    expect(loads.sum()).toEqual({ running: 9, longestMs: 700 });
  });

  test("is forgotten of one that is silent for five seconds", () => {
    say("a", load(3, 10));
    now += 3000;
    say("b", load(4, 5));
    now += 2000;
    expect(loads.sum()).toEqual({ running: 7, longestMs: 10 });
    now += 1;
    expect(loads.sum()).toEqual({ running: 4, longestMs: 5 });
    now += 5000;
    expect(loads.sum()).toEqual({ running: 0, longestMs: 0 });
  });

  test.each(["", "{", "null", "[]", load(-1, 0), load(1.5, 0), '{"running":1}'])(
    "is not %p",
    (text) => {
      say("a", text);
      expect(loads.sum()).toEqual({ running: 0, longestMs: 0 });
    },
  );

  test("is not what comes with an error, as where NATS allows no subscription", () => {
    say("a", load(3, 10), new Error("permissions violation"));
    hear(new Error("permissions violation"), {} as Msg);
    expect(loads.sum()).toEqual({ running: 0, longestMs: 0 });
  });
});
