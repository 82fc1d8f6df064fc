/** What is known of functions whose loads were not kept before. */
import { describe, expect, it } from "@jest/globals";
import type { GatewayLoads } from "../../../../../contract/gateway-loads.ts";
import {
  createLoadsWorld,
  HOUR,
  type LoadsWorld,
  NAME,
  OTHER,
  part,
  whole,
} from "../../../../support/loads-world.ts";

describe("a function that was of no interest", () => {
  const unknown = { rps: whole(undefined), inflight: whole(undefined), idleMs: undefined };

  /** Both functions, as both gateways tell of them so many seconds after the first time. */
  function tell({ gateways }: LoadsWorld, seconds: number): void {
    for (const gateway of gateways) {
      const functions: GatewayLoads["functions"] = {
        [NAME]: [1000 + 10 * seconds, 1, 0, 0],
        [OTHER]: [50_000 + 200 * seconds, 7, 2, 30],
      };
      gateway.answer = { ageMs: HOUR + seconds * 1000, functions };
    }
  }

  it("is unknown, and not without calls", async () => {
    const world = await createLoadsWorld(2);
    world.told.names = [NAME];
    for (const seconds of [0, 1]) {
      tell(world, seconds);
      await world.look();
    }
    expect(world.reader.of(NAME)).toMatchObject({ rps: whole(20), inflight: whole(2) });
    expect(world.reader.of(OTHER)).toMatchObject(unknown);
  });

  it("has a rate by the answers that came since it is of interest", async () => {
    const world = await createLoadsWorld(2);
    world.told.names = [NAME];
    for (const seconds of [0, 1, 2]) {
      tell(world, seconds);
      await world.look();
    }
    world.told.names = [NAME, OTHER];
    tell(world, 3);
    await world.look();
    expect(world.reader.of(OTHER)).toMatchObject({
      rps: whole(undefined),
      inflight: whole(18),
      idleMs: 30,
    });
    expect(world.reader.of(NAME).rps).toStrictEqual(whole(20));
    tell(world, 4);
    await world.look();
    expect(world.reader.of(OTHER).rps).toStrictEqual(whole(400));
  });

  it("is known in part where one gateway alone has answered since", async () => {
    const world = await createLoadsWorld(2);
    world.told.names = [NAME];
    tell(world, 0);
    await world.look();
    world.told.names = [NAME, OTHER];
    tell(world, 1);
    Object.assign(world.gateways[1] ?? {}, { answer: { status: 503, text: "later" } });
    await world.look();
    expect(world.reader.of(OTHER)).toMatchObject({ inflight: part(9), idleMs: undefined });
    expect(world.reader.of(NAME).inflight).toStrictEqual(whole(2));
  });

  it("has nothing of the one whose place it takes, and again nothing when it comes back", async () => {
    const world = await createLoadsWorld(2);
    world.told.names = [NAME];
    for (const seconds of [0, 1]) {
      tell(world, seconds);
      await world.look();
    }
    world.told.names = [OTHER];
    world.gateways.forEach((gateway) => (gateway.answer = { status: 503, text: "later" }));
    await world.look();
    expect(world.reader.of(OTHER)).toMatchObject(unknown);
    expect(world.reader.of(NAME)).toMatchObject(unknown);
    world.told.names = [OTHER, NAME];
    await world.look();
    expect(world.reader.of(NAME)).toMatchObject(unknown);
    for (const seconds of [4, 5]) {
      tell(world, seconds);
      await world.look();
    }
    expect(world.reader.of(NAME)).toMatchObject({ rps: whole(20), inflight: whole(2) });
    expect(world.reader.of(OTHER)).toMatchObject({ rps: whole(400), inflight: whole(18) });
  });
});
