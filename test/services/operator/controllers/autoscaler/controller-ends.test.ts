/** The autoscaler's controller where a function goes: to zero, to others, or away. */
import { afterEach, describe, expect, it } from "@jest/globals";
import type { GatewayLoads } from "../../../../../contract/gateway-loads.ts";
import { PREPARED } from "../../../../../contract/index.ts";
import { FUNCTIONS, putFunction } from "../../../../support/function-objects.ts";
import { until } from "../../../../support/until.ts";
import { NAMESPACES } from "../../world.ts";
import { eventsOf, KEY, labels, NAME, useAutoscalers } from "./world.ts";

const createAutoscaler = useAutoscalers(afterEach);

describe("a function that goes to zero", () => {
  const spec = labels({ zero: "true", "zero-duration": "10s" });
  const idle = (ms: number, queue: number): Partial<GatewayLoads> => ({
    functions: { [NAME]: [5, 0, 0, ms] },
    queue: queue > 0 ? { [NAME]: queue } : {},
  });

  it("does so after its idle time, when no call waits in the queue, and wakes for one", async () => {
    const world = await createAutoscaler((fake) => putFunction(fake, "resize", { spec }));
    for (let second = 0; second < 11; second++) {
      await world.look(idle(second * 1000, 0));
    }
    expect(world.gateway.asked.every((path) => path === "/loads?queue=1")).toBe(true);
    expect(world.replicas()).toBe(0);
    expect(eventsOf(world)).toMatchObject([
      { reason: "Idle", message: "from 1 to 0 replicas, as nobody has called it for 10s" },
    ]);
    await world.look(idle(12_000, 1));
    expect(world.replicas()).toBe(1);
    for (let second = 0; second < 15; second++) {
      await world.look(idle(90_000, 1));
    }
    expect(world.replicas()).toBe(1);
    await world.look(idle(90_000, 0));
    expect(world.replicas()).toBe(0);
  });

  it("does not while a gateway does not answer", async () => {
    const world = await createAutoscaler((fake) => putFunction(fake, "resize", { spec }));
    for (let second = 0; second < 20; second++) {
      await world.look({ ageMs: -1 });
    }
    expect(world.replicas()).toBe(1);
  });
});

describe("a function that goes", () => {
  it("is forgotten, with its series", async () => {
    const world = await createAutoscaler((fake) =>
      putFunction(fake, "resize", { spec: labels({ type: "rps", min: "3" }) }),
    );
    await world.look();
    expect(await world.registry.metrics()).toContain(NAME);
    world.fake.remove(FUNCTIONS, "resize");
    await world.fake.settle();
    await world.look();
    expect(await world.registry.metrics()).not.toContain(NAME);
    expect(world.decisions.of(KEY)).toBeUndefined();
  });

  it("out of service with its namespace is left as it is", async () => {
    const other = FUNCTIONS.replace("openfaas-fn", "team");
    const spec = {
      name: "resize",
      image: "example/image:1",
      replicas: 1,
      ...labels({ type: "rps" }),
    };
    const annotations = { openfaas: "1", [PREPARED]: "1" };
    const world = await createAutoscaler((fake) => {
      fake.put(NAMESPACES, { metadata: { name: "team", annotations } });
      fake.put(other, { metadata: { name: "resize" }, spec });
    });
    const replicas = () =>
      (world.fake.objects.get(`${other}/resize`)?.["spec"] as { replicas: number }).replicas;
    await until(
      "the namespace to be served",
      () => world.informers.namespaces.state("team") === "served",
    );
    fake(world, { ...spec, ...labels({ type: "rps", min: "2" }) });
    await world.fake.settle();
    await world.look();
    expect(replicas()).toBe(2);
    world.fake.put(NAMESPACES, { metadata: { name: "team", annotations: {} } });
    fake(world, { ...spec, ...labels({ type: "rps", min: "5" }), replicas: 2 });
    await world.fake.settle();
    await world.look();
    expect(replicas()).toBe(2);
    function fake({ fake: kubernetes }: typeof world, changed: object): void {
      kubernetes.put(other, { metadata: { name: "resize" }, spec: changed });
    }
  });

  it("while another instance leads leaves no series behind", async () => {
    const world = await createAutoscaler((fake) =>
      putFunction(fake, "resize", { spec: labels({ type: "rps" }) }),
    );
    await world.look();
    world.fake.remove(FUNCTIONS, "resize");
    await world.fake.settle();
    world.clock.now += 11_000;
    await world.look();
    expect(await world.registry.metrics()).not.toContain(NAME);
  });

  it("to another instance for a while has no news of before", async () => {
    const world = await createAutoscaler((fake) =>
      putFunction(fake, "resize", { spec: labels({ type: "rps", min: "3" }) }),
    );
    await world.look();
    expect(world.decisions.of(KEY)?.last).toContain("BelowMinimum");
    world.clock.now += 11_000;
    world.changed.length = 0;
    await world.look();
    expect(world.decisions.of(KEY)).toBeUndefined();
    expect(world.changed).toStrictEqual([KEY]);
  });

  it("to the alerts is theirs alone", async () => {
    const world = await createAutoscaler((fake) =>
      putFunction(fake, "resize", { spec: labels({ type: "rps", min: "3" }) }),
    );
    await world.look();
    putFunction(world.fake, "resize", { spec: { ...labels({ min: "6" }), replicas: 3 } });
    await world.fake.settle();
    await world.look();
    expect(world.replicas()).toBe(3);
    expect(world.decisions.of(KEY)).toBeUndefined();
  });
});
