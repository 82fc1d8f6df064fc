/** What all gateways together say of a function, by real HTTP. */
import { describe, expect, it } from "@jest/globals";
import type { GatewayLoads } from "../../../../../contract/gateway-loads.ts";
import type { FakeGateway } from "../../../../support/fake-gateway.ts";
import {
  after,
  createLoadsWorld,
  HOUR,
  type LoadsWorld,
  NAME,
  OTHER,
  part,
  whole,
} from "../../../../support/loads-world.ts";

async function play(
  { gateways: [gateway], look }: LoadsWorld,
  answers: readonly GatewayLoads[],
): Promise<void> {
  for (const answer of answers) {
    Object.assign(gateway ?? {}, { answer });
    await look();
  }
}

describe("the rate of calls", () => {
  it("is unknown until an old gateway has answered twice", async () => {
    const world = await createLoadsWorld();
    await play(world, [after(0, [1000, 0, 0, 0])]);
    expect(world.reader.of(NAME).rps).toStrictEqual(whole(undefined));
    await play(world, [after(1, [1030, 0, 0, 0])]);
    expect(world.reader.of(NAME).rps).toStrictEqual(whole(30));
  });

  it("is that of the last five seconds, by the gateway's own clock", async () => {
    const world = await createLoadsWorld();
    const started = [0, 100, 200, 300, 400, 500, 500, 500, 500];
    const looks = started.map((count, index) => after(index * 1.01, [count, 0, 0, 9]));
    await play(world, looks);
    expect(world.reader.of(NAME).rps.value).toBeCloseTo(200 / 5.05, 6);
  });

  it("counts all calls of a gateway that has just come", async () => {
    const world = await createLoadsWorld();
    await play(world, [{ ageMs: 2000, functions: { [NAME]: [80, 0, 0, 0] } }]);
    expect(world.reader.of(NAME).rps).toStrictEqual(whole(40));
  });

  it("begins anew with a gateway, and with a function, that begins anew", async () => {
    const world = await createLoadsWorld();
    await play(world, [after(0, [9000, 0, 0, 0]), { ageMs: 1000, functions: {} }]);
    expect(world.reader.of(NAME).rps).toStrictEqual(whole(0));
    const other = await createLoadsWorld();
    await play(other, [after(0, [9000, 0, 0, 0]), after(1, [10, 0, 0, 0])]);
    expect(other.reader.of(NAME).rps).toStrictEqual(whole(10));
  });

  it("is 0 for a function that was never called", async () => {
    const world = await createLoadsWorld();
    await play(world, [after(0, [1, 0, 0, 0]), after(1, [2, 0, 0, 0])]);
    expect(world.reader.of(OTHER).rps).toStrictEqual(whole(0));
  });
});

describe("calls in flight", () => {
  it("are those of all gateways, waiting ones too, in the mean of the window", async () => {
    const world = await createLoadsWorld(2);
    const [first, second] = world.gateways as [FakeGateway, FakeGateway];
    first.answer = after(0, [0, 4, 2, 0]);
    second.answer = after(0, [0, 10, 0, 0]);
    await world.look();
    first.answer = after(1, [0, 0, 0, 100]);
    second.answer = after(1, [0, 20, 0, 0]);
    await world.look();
    expect(world.reader.of(NAME).inflight).toStrictEqual(whole(3 + 15));
  });
});

describe("the idle clock", () => {
  it("is that of the gateway that was called last", async () => {
    const world = await createLoadsWorld(2);
    const [first, second] = world.gateways as [FakeGateway, FakeGateway];
    first.answer = after(0, [5, 0, 0, 90_000]);
    second.answer = after(0, [5, 0, 0, 20_000]);
    await world.look();
    expect(world.reader.of(NAME).idleMs).toBe(20_000);
  });

  it("begins with the gateway where that has had no call", async () => {
    const world = await createLoadsWorld(2);
    const [first, second] = world.gateways as [FakeGateway, FakeGateway];
    first.answer = after(0, [5, 0, 0, 90_000]);
    second.answer = { ageMs: 7000, functions: {} };
    await world.look();
    expect(world.reader.of(NAME).idleMs).toBe(7000);
  });

  it("stands still while a call waits in the queue, and is unknown where that is", async () => {
    const world = await createLoadsWorld();
    const answer = after(0, [5, 0, 0, 90_000]);
    await play(world, [answer]);
    expect(world.reader.of(NAME).idleMs).toBe(90_000);
    await world.look(1000, true);
    expect(world.reader.of(NAME)).toMatchObject({ queue: whole(undefined), idleMs: undefined });
    Object.assign(world.gateways[0] ?? {}, { answer: { ...answer, queue: { [NAME]: 3 } } });
    await world.look(1000, true);
    expect(world.reader.of(NAME)).toMatchObject({ queue: whole(3), idleMs: 0 });
    expect(world.reader.of(OTHER).queue).toStrictEqual(whole(0));
    expect(world.gateways[0]?.asked.at(-1)).toBe("/loads?queue=1");
  });

  it("is unknown as soon as one gateway does not answer", async () => {
    const world = await createLoadsWorld(2);
    const [first, second] = world.gateways as [FakeGateway, FakeGateway];
    first.answer = after(0, [5, 0, 0, 90_000]);
    second.answer = after(0, [5, 0, 0, 90_000]);
    await world.look();
    second.answer = { status: 500, text: "no" };
    await world.look();
    expect(world.reader.of(NAME).idleMs).toBeUndefined();
  });
});

describe("the queue", () => {
  it("is asked for at one gateway after the other, as all see the same", async () => {
    const world = await createLoadsWorld(2);
    const [first, second] = world.gateways as [FakeGateway, FakeGateway];
    second.answer = { queue: { [NAME]: 4 } };
    await world.look(1000, true);
    await world.look(1000, true);
    const asked = [first, second].map((gateway) => gateway.asked.toSorted());
    expect(asked).toStrictEqual([
      ["/loads", "/loads?queue=1"],
      ["/loads", "/loads?queue=1"],
    ]);
    expect(world.reader.of(NAME).queue).toStrictEqual(whole(4));
    second.answer = {};
    await world.look(6000, true);
    expect(world.reader.of(NAME).queue).toStrictEqual(whole(undefined));
  });
});

describe("a gateway that does not answer", () => {
  const wrong: [what: string, answer: FakeGateway["answer"]][] = [
    ["fails", { status: 503, text: "later" }],
    ["answers with something else", { status: 200, text: "<html>" }],
    ["answers in another form", { status: 200, text: '{"ageMs":1,"functions":{"a.b":[1]}}' }],
  ];

  it.each(wrong)("is known by its last answer for a while: one that %s", async (_what, answer) => {
    const world = await createLoadsWorld(2);
    const [first, second] = world.gateways as [FakeGateway, FakeGateway];
    for (const seconds of [0, 1]) {
      first.answer = after(seconds, [10 * seconds, 1, 0, 0]);
      second.answer = after(seconds, [30 * seconds, 2, 0, 0]);
      await world.look();
    }
    second.answer = answer;
    first.answer = after(2, [20, 1, 0, 0]);
    await world.look();
    expect(world.reader.of(NAME)).toMatchObject({ rps: whole(40), inflight: whole(3) });
    first.answer = after(7, [70, 1, 0, 0]);
    await world.look(5000);
    expect(world.reader.of(NAME)).toMatchObject({ rps: part(10), inflight: part(1) });
    const warnings = world.text().match(/load of a gateway not known/g);
    expect(warnings).toHaveLength(2);
    expect(world.text().match(/"level":"warn"/g)).toHaveLength(1);
  });

  it("is waited for no longer than a look may take", async () => {
    const world = await createLoadsWorld(1, 50);
    Object.assign(world.gateways[0] ?? {}, { answer: "silence" });
    await world.look();
    expect(world.reader.of(NAME)).toMatchObject({ rps: whole(undefined), idleMs: undefined });
    expect(world.text()).toContain("load of a gateway not known");
  });

  it("has too many calls where it is not ready any more, and none where it never was", async () => {
    const world = await createLoadsWorld(2);
    const [first, second] = world.gateways as [FakeGateway, FakeGateway];
    const tell = (isReady: boolean): void => {
      world.told.endpoints = [first.endpoint, { ...second.endpoint, isReady }];
    };
    tell(false);
    first.answer = after(0, [0, 0, 0, 9000]);
    second.answer = { status: 503, text: "not yet" };
    await world.look();
    expect(world.reader.of(NAME)).toMatchObject({ inflight: whole(0), idleMs: 9000 });
    tell(true);
    second.answer = after(0, [500, 500, 0, 0]);
    await world.look();
    expect(world.reader.of(NAME)).toMatchObject({ inflight: whole(500), idleMs: 0 });
    tell(false);
    second.answer = { status: 503, text: "too much" };
    await world.look(6000);
    expect(world.reader.of(NAME)).toMatchObject({ inflight: part(0), idleMs: undefined });
    expect(world.text()).not.toContain('"level":"warn"');
  });

  it("says nothing of before when it answers again after a while", async () => {
    const world = await createLoadsWorld();
    await play(world, [after(0, [0, 100, 0, 0]), after(1, [1000, 100, 0, 0])]);
    Object.assign(world.gateways[0] ?? {}, { answer: after(3600, [2000, 0, 0, 0]) });
    await world.look(HOUR);
    expect(world.reader.of(NAME)).toMatchObject({ rps: whole(undefined), inflight: whole(0) });
    Object.assign(world.gateways[0] ?? {}, { answer: after(3601, [3000, 0, 0, 0]) });
    await world.look();
    expect(world.reader.of(NAME).rps).toStrictEqual(whole(1000));
  });

  it("counts no more when it was leaving, and is gone", async () => {
    const world = await createLoadsWorld(2);
    const [first, second] = world.gateways as [FakeGateway, FakeGateway];
    const leaving = { ...second.endpoint, isReady: false, isLeaving: true };
    world.told.endpoints = [first.endpoint, leaving];
    for (const seconds of [0, 1]) {
      first.answer = after(seconds, [10 * seconds, 1, 0, 9000]);
      second.answer = after(seconds, [0, 2, 0, 0]);
      await world.look();
    }
    expect(world.reader.of(NAME)).toMatchObject({ inflight: whole(3), idleMs: 0 });
    second.answer = { status: 503, text: "gone" };
    await world.look();
    expect(world.reader.of(NAME)).toMatchObject({ inflight: whole(3), idleMs: 0 });
    await world.look(6000);
    expect(world.reader.of(NAME)).toMatchObject({ inflight: whole(1), idleMs: 9000 });
    world.told.endpoints = [first.endpoint];
    await world.look();
    expect(world.reader.of(NAME).inflight).toStrictEqual(whole(1));
    expect(world.text()).not.toContain('"level":"warn"');
  });
});

describe("without gateways", () => {
  it("nothing is known", async () => {
    const world = await createLoadsWorld(0);
    const nothing = {
      rps: whole(undefined),
      inflight: whole(undefined),
      queue: whole(undefined),
      idleMs: undefined,
    };
    await world.look(1000, true);
    expect(world.reader.of(NAME)).toStrictEqual(nothing);
    world.told.endpoints = undefined;
    await world.look(1000, true);
    expect(world.reader.of(NAME)).toStrictEqual(nothing);
  });
});
