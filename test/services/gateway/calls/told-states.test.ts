/** What was told of many calls, read at once. */
import { describe, expect, test } from "@jest/globals";
import { STREAM, toStateSubject } from "../../../../contract/queue/index.ts";
import { readTold, selectTold, toTokens } from "../../../../services/gateway/calls/told-states.ts";
import { FakeStreams } from "../../../support/fake-streams.ts";

const ID = (sequence: number): string => `${sequence}-AAAAAAAAAAAAAAAA`;

function tell(streams: FakeStreams, subject: string, state: unknown): void {
  streams.put(STREAM.states, subject, {
    data: typeof state === "string" ? state : JSON.stringify(state),
  });
}

const running = { state: "running", attempts: 0, starts: 1, at: 1 };

describe("what was told", () => {
  test("is known by the calls' ids, of one function or of one namespace", async () => {
    const streams = new FakeStreams();
    tell(streams, toStateSubject({ name: "f", namespace: "a" }, ID(1)), running);
    tell(streams, toStateSubject({ name: "g", namespace: "a" }, ID(2)), running);
    tell(streams, toStateSubject({ name: "f", namespace: "b" }, ID(3)), running);
    const ids = async (filter: Parameters<typeof readTold>[1]): Promise<string[]> => [
      ...(await readTold(streams.access, filter)).keys(),
    ];
    expect(await ids({ namespace: "a" })).toEqual([ID(1), ID(2)]);
    expect(await ids({ namespace: "a", functionName: "g" })).toEqual([ID(2)]);
    expect(await ids({ namespace: "b", functionName: "g" })).toEqual([]);
    const told = await readTold(streams.access, { namespace: "b" });
    expect(told.get(ID(3))).toEqual({
      id: ID(3),
      sequence: 3,
      reference: { name: "f", namespace: "b" },
      state: running,
    });
  });

  test.each<[string, unknown]>([
    ["no JSON", "{"],
    ["nothing", ""],
    ["another state", { ...running, state: "lost" }],
    ["no number of attempts", { ...running, attempts: "1" }],
    ["fewer attempts than none", { ...running, attempts: -1 }],
    ["half an attempt", { ...running, attempts: 0.5 }],
    ["no time", { state: "running", attempts: 0, starts: 1 }],
    ["a list", [running]],
  ])("is left out where it is %s", async (_what, state) => {
    const streams = new FakeStreams();
    tell(streams, toStateSubject({ name: "f", namespace: "a" }, ID(1)), state);
    tell(streams, toStateSubject({ name: "f", namespace: "a" }, ID(2)), running);
    const told = await readTold(streams.access, { namespace: "a" });
    expect([...told.keys()]).toEqual([ID(2)]);
  });

  test.each(["none", "0-AAAAAAAAAAAAAAAA", "1-short", "01-AAAAAAAAAAAAAAAA"])(
    "is left out of %s, which is no id",
    async (id) => {
      const streams = new FakeStreams();
      tell(streams, toStateSubject({ name: "f", namespace: "a" }, id), running);
      expect((await readTold(streams.access, { namespace: "a" })).size).toBe(0);
    },
  );

  test("is selected by its state, the oldest call first, also beyond nine", () => {
    const reference = { name: "f", namespace: "a" };
    const told = [10, 9, 100, 2].map((sequence) => {
      const state = { ...running, state: sequence === 100 ? "done" : "running" } as const;
      return [ID(sequence), { id: ID(sequence), sequence, reference, state }] as const;
    });
    const selected = selectTold(new Map(told), (state) => state === "running");
    expect(selected.map(({ sequence }) => sequence)).toEqual([2, 9, 10]);
  });
});

test("a filter without a function stands for all of them in a subject", () => {
  expect(toTokens({ namespace: "a" })).toEqual({ namespace: "a", name: "*" });
  expect(toTokens({ namespace: "a", functionName: "f" })).toEqual({ namespace: "a", name: "f" });
});
