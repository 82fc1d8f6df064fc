import { afterEach, describe, expect, it } from "@jest/globals";
import { StartFailures } from "../../../../../services/operator/controllers/function/start-failures.ts";
import type { Pod } from "../../../../../services/operator/kubernetes/types.ts";
import { useWorlds } from "../../world.ts";
import { makePod } from "./functions.ts";

const createWorld = useWorlds(afterEach);
const EVENTS = "/api/v1/namespaces/openfaas-fn/events";
const NO_SECRET = 'MountVolume.SetUp failed for volume "secrets" : secret "key" not found';

/** A pod that has a node, and one container that waits for this reason. */
function makeScheduled(reason = "ContainerCreating", uid = "pod-1"): Pod {
  const pod = makePod({ state: { waiting: { reason } } });
  pod.metadata.uid = uid;
  pod.status = { ...pod.status, conditions: [{ type: "PodScheduled", status: "True" }] };
  return pod;
}

async function createFailures() {
  const { fake, client, log } = await createWorld();
  const clock = { now: 0 };
  const failures = new StartFailures({ client, logger: log.logger, now: () => clock.now });
  let count = 0;
  const say = (message: string, at: string, more: object = {}) => {
    count += 1;
    const lastTimestamp = `2026-01-01T${at}Z`;
    const times = { firstTimestamp: lastTimestamp, lastTimestamp };
    fake.put(EVENTS, {
      ...{ metadata: { name: `event-${count}` }, reason: "FailedMount", message },
      ...{ ...times, ...more },
    });
  };
  const asked = () => fake.requests.filter(({ path }) => path === EVENTS);
  const find = (...pods: Pod[]) => failures.find("k", pods);
  /** What is told of a pod that has been created for long. */
  const findLate = async () => {
    await find(makeScheduled());
    clock.now += 5000;
    return (await find(makeScheduled())).failure;
  };
  return { fake, log, clock, say, asked, find, findLate };
}

describe("StartFailures", () => {
  it("asks for the Events of a pod that has been created for five seconds, then less often", async () => {
    const { clock, say, asked, find } = await createFailures();
    say(NO_SECRET, "00:00:01");
    expect(await find(makeScheduled())).toStrictEqual({ waitMs: 5000 });
    clock.now = 4000;
    expect(await find(makeScheduled())).toStrictEqual({ waitMs: 1000 });
    expect(asked()).toStrictEqual([]);
    clock.now = 5000;
    const failure = { podUid: "pod-1", reason: "FailedMount", message: NO_SECRET };
    expect(await find(makeScheduled())).toStrictEqual({ waitMs: 5000, failure });
    expect(asked().map(({ query }) => Object.fromEntries(query))).toStrictEqual([
      { fieldSelector: "involvedObject.uid=pod-1,type=Warning" },
    ]);
    clock.now = 9000;
    expect(await find(makeScheduled())).toStrictEqual({ waitMs: 1000, failure });
    expect(asked()).toHaveLength(1);
    for (const [now, waitMs] of [
      [30_000, 15_000],
      [600_000, 60_000],
    ] as const) {
      clock.now = now;
      expect(await find(makeScheduled())).toStrictEqual({ waitMs, failure });
    }
    expect(asked()).toHaveLength(3);
  });

  it("asks nothing about pods that run, fail, wait for a node or go", async () => {
    const { clock, asked, find } = await createFailures();
    const running = makeScheduled();
    running.status = { ...running.status, phase: "Running" };
    const going = makeScheduled();
    going.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    const pods = [running, going, makePod({}), makeScheduled("ErrImagePull")];
    for (const pod of pods) {
      expect(await find(pod)).toStrictEqual({});
      clock.now += 10_000;
      expect(await find(pod)).toStrictEqual({});
    }
    expect(asked()).toStrictEqual([]);
  });

  it("begins anew with another pod", async () => {
    const { clock, find } = await createFailures();
    await find(makeScheduled());
    clock.now = 4000;
    expect(await find(makeScheduled("PodInitializing", "pod-2"))).toStrictEqual({ waitMs: 5000 });
  });

  it("tells of causes, and not of those that are over", async () => {
    const { say, findLate } = await createFailures();
    say("over since long", "00:00:00");
    say(NO_SECRET, "00:10:00");
    say("a second one", "00:10:01");
    say("Unable to attach or mount volumes: timed out", "00:09:00", {
      lastTimestamp: "2026-01-01T00:11:00Z",
    });
    say("0/1 nodes", "00:11:30", { reason: "FailedScheduling" });
    expect((await findLate())?.message).toBe(NO_SECRET);
  });

  it("reads Events of either kind", async () => {
    const { say, findLate } = await createFailures();
    say("of a series", "00:00:00", {
      ...{ firstTimestamp: null, lastTimestamp: null, eventTime: "2026-01-01T00:00:00.000000Z" },
      series: { lastObservedTime: "2026-01-01T00:10:00.000000Z" },
    });
    say("before", "00:01:00");
    expect((await findLate())?.message).toBe("of a series");
  });

  it("goes on where nothing was said, or nothing can be read", async () => {
    const { fake, log, findLate, clock, find } = await createFailures();
    expect(await findLate()).toBeUndefined();
    fake.intercept = ({ path }, response) => {
      response.writeHead(403).end("{}");
      return path === EVENTS;
    };
    clock.now += 60_000;
    expect((await find(makeScheduled())).failure).toBeUndefined();
    expect(log.text()).toContain("events of a pod not read");
  });

  it("keeps what was said while nothing can be read", async () => {
    const { fake, say, findLate, clock, find } = await createFailures();
    say(NO_SECRET, "00:00:01");
    expect((await findLate())?.message).toBe(NO_SECRET);
    fake.intercept = ({ path }, response) => {
      response.writeHead(500).end("{}");
      return path === EVENTS;
    };
    clock.now += 60_000;
    expect((await find(makeScheduled())).failure?.message).toBe(NO_SECRET);
  });
});
