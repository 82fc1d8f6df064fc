/** The autoscaler's controller: what it looks at, what it writes, and what it says of it. */
import { afterEach, describe, expect, it } from "@jest/globals";
import { FUNCTIONS, putFunction } from "../../../../support/function-objects.ts";
import { until } from "../../../../support/until.ts";
import { writesOf } from "../../world.ts";
import { eventsOf, HOUR, KEY, labels, NAME, SCALE, useAutoscalers, valueOf } from "./world.ts";

const createAutoscaler = useAutoscalers(afterEach);

describe("AutoscalerController", () => {
  it("scales a function by its calls, and says why in Event, metric and news", async () => {
    const world = await createAutoscaler((fake) =>
      putFunction(fake, "resize", { spec: labels({ type: "rps", target: "100", max: "8" }) }),
    );
    await world.call(0, 6);
    expect(world.replicas()).toBe(1);
    await world.call(450, 5);
    expect(world.replicas()).toBe(5);
    const last = "from 4 to 5 replicas, as rps is 450 (90 for each)";
    expect(eventsOf(world).at(-1)).toStrictEqual({
      type: "Normal",
      reason: "LoadRose",
      message: last,
    });
    expect(world.decisions.of(KEY)).toStrictEqual({ last: `LoadRose: ${last}` });
    expect(world.changed).toContain(KEY);
    const name = `function_name="${NAME}"`;
    expect(await valueOf(world, `operator_scale_load{${name},signal="rps"}`)).toBe("450");
    expect(await valueOf(world, `operator_scale_wanted_replicas{${name}}`)).toBe("5");
    const decided = `operator_scale_decisions_total{${name},reason="LoadRose"}`;
    expect(await valueOf(world, decided)).toBe(String(eventsOf(world).length));
    expect(world.log.text()).toContain('"reason":"LoadRose"');
  });

  it("writes the scale alone, of the version that it has seen, and nothing without need", async () => {
    const world = await createAutoscaler((fake) =>
      putFunction(fake, "resize", { spec: labels({ type: "rps", min: "3" }) }),
    );
    const seen = world.fake.objects.get(`${FUNCTIONS}/resize`)?.metadata["resourceVersion"];
    await world.look();
    await world.look();
    const writes = world.fake.requests.filter(({ method }) => method === "PATCH");
    expect(writes.map(({ path, body }) => ({ path, body }))).toStrictEqual([
      { path: SCALE, body: { metadata: { resourceVersion: seen }, spec: { replicas: 3 } } },
    ]);
    expect(eventsOf(world)).toHaveLength(1);
  });

  it("leaves functions alone that alerts scale, that are refused, or that have no scale yet", async () => {
    const world = await createAutoscaler((fake) => {
      putFunction(fake, "alerted", { spec: { ...labels({ min: "3" }), replicas: 1 } });
      putFunction(fake, "wrong", { spec: labels({ type: "rps", min: "9", max: "3" }) });
      putFunction(fake, "new", {
        spec: { ...labels({ type: "rps", min: "3" }), replicas: undefined },
      });
    });
    await world.look();
    expect(writesOf(world.fake)).toStrictEqual([]);
    expect(world.gateway.asked).toHaveLength(1);
  });

  it("asks no gateway where there is no function to scale", async () => {
    const world = await createAutoscaler((fake) => putFunction(fake, "alerted"));
    await world.look();
    expect(world.gateway.asked).toStrictEqual([]);
  });

  it("writes nothing when another instance leads", async () => {
    const spec = labels({ type: "rps", min: "3" });
    const world = await createAutoscaler((fake) => putFunction(fake, "resize", { spec }), false);
    await world.look();
    expect(writesOf(world.fake)).toStrictEqual([]);
    expect(world.decisions.of(KEY)).toBeUndefined();
  });

  it("looks again where somebody else has scaled meanwhile", async () => {
    const spec = labels({ type: "rps", min: "3" });
    const world = await createAutoscaler((fake) => putFunction(fake, "resize", { spec }));
    world.fake.intercept = ({ path }) => {
      if (path === SCALE) {
        world.fake.intercept = () => false;
        putFunction(world.fake, "resize", { spec: { ...spec, replicas: 2 } });
      }
      return false;
    };
    await world.look();
    expect(world.replicas()).toBe(2);
    expect(eventsOf(world)).toStrictEqual([]);
    await world.look();
    expect(world.replicas()).toBe(3);
    expect(eventsOf(world)).toMatchObject([
      { message: "from 2 to 3 replicas, as the minimum is 3" },
    ]);
  });

  it("waits for no write, of which each function has its turn", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `f${index}`);
    const spec = labels({ type: "rps", min: "2" });
    const world = await createAutoscaler((fake) => {
      names.forEach((name) => putFunction(fake, name, { spec }));
    });
    const held: (() => void)[] = [];
    const tried = new Set<string>();
    world.fake.intercept = ({ path }, response) => {
      const [, name = ""] = /functions\/(\w+)\/scale$/.exec(path) ?? [];
      if (name !== "") {
        tried.add(name);
        held.push(() => response.writeHead(500).end("{}"));
      }
      return name !== "";
    };
    const end = (): void => held.splice(0).forEach((fail) => fail());
    await world.lookOnly();
    await until("eight writes", () => held.length === 8);
    await world.lookOnly();
    expect(held).toHaveLength(8);
    end();
    await world.settle();
    await world.lookOnly();
    await until("the others, too", () => tried.size === 12);
    end();
    await world.settle();
  });

  it("goes on with the others where one cannot be written", async () => {
    const spec = labels({ type: "rps", min: "2" });
    const world = await createAutoscaler((fake) => {
      ["a", "resize", "z"].forEach((name) => putFunction(fake, name, { spec }));
    });
    world.fake.intercept = ({ path }, response) => {
      if (path !== SCALE) {
        return false;
      }
      response.writeHead(500).end("{}");
      return true;
    };
    await world.look();
    expect(["a", "resize", "z"].map((name) => world.replicas(name))).toStrictEqual([2, 1, 2]);
    expect(world.log.text()).toContain("not scaled");
  });
});

describe("limits", () => {
  it("hold as soon as they change", async () => {
    const world = await createAutoscaler((fake) =>
      putFunction(fake, "resize", { spec: labels({ type: "rps", min: "3" }) }),
    );
    await world.look();
    const change = async (values: Record<string, string>): Promise<number | undefined> => {
      const replicas = world.replicas();
      putFunction(world.fake, "resize", { spec: { ...labels(values), replicas } });
      await world.fake.settle();
      await world.look();
      return world.replicas();
    };
    expect(await change({ type: "rps", min: "7" })).toBe(7);
    expect(await change({ type: "rps", min: "1", max: "4" })).toBe(4);
    expect(eventsOf(world).at(-1)).toMatchObject({
      reason: "AboveMaximum",
      message: "from 7 to 4 replicas, as the maximum is 4",
    });
  });

  it("are those of the floors that are in force", async () => {
    const floors = [{ start: "0 6 * * *", end: "0 7 * * *", timeZone: "Europe/Berlin", min: 4 }];
    const world = await createAutoscaler((fake) =>
      putFunction(fake, "resize", { spec: { scale: { floors, down: { windowSeconds: 2 } } } }),
    );
    await world.call(0, 2);
    expect(world.replicas()).toBe(4);
    world.clock.wall += HOUR;
    await world.call(0, 4);
    expect(world.replicas()).toBe(1);
  });
});

describe("signals", () => {
  it("are those of the processor, for each pod", async () => {
    const world = await createAutoscaler((fake) =>
      putFunction(fake, "resize", {
        spec: labels({ type: "cpu", target: "200", "target-proportion": "1" }),
      }),
    );
    world.usage.set("resize", { cpu: 900, pods: 1 });
    await world.look();
    await world.look();
    expect(world.replicas()).toBe(5);
  });

  it("of pods that are not all measured yet make no fewer, and none where there is no pod", async () => {
    const spec = { ...labels({ type: "cpu", "down.window": "0" }), replicas: 4 };
    const world = await createAutoscaler((fake) =>
      putFunction(fake, "resize", { spec, extra: { status: { availableReplicas: 4 } } }),
    );
    world.usage.set("resize", { cpu: 100, pods: 2 });
    await world.call(0, 3);
    expect(world.replicas()).toBe(4);
    world.usage.set("resize", { cpu: 100, pods: 4 });
    await world.call(0, 15);
    expect(world.replicas()).toBe(1);
  });

  it("that only pods have are no news where there is none", async () => {
    const spec = { ...labels({ type: "cpu", zero: "true", min: "0" }), replicas: 0 };
    const world = await createAutoscaler((fake) => putFunction(fake, "resize", { spec }));
    for (let second = 0; second < 40; second++) {
      await world.look({ queue: {}, functions: { [NAME]: [5, 0, 0, 90_000] } });
    }
    expect(world.decisions.of(KEY)).toBeUndefined();
    expect(world.replicas()).toBe(0);
  });

  it("are queries of Prometheus, and those of the gateways where it is away", async () => {
    const scale = {
      signals: [
        { type: "rps", target: 100, proportion: 1 },
        { type: "prometheus", target: 10, query: "lag" },
      ],
    };
    const world = await createAutoscaler((fake) =>
      putFunction(fake, "resize", { spec: { scale, replicas: 2 } }),
    );
    world.answers.set("lag", new Error("away"));
    await world.call(100, 2);
    await world.call(400, 6);
    expect(world.replicas()).toBe(4);
    expect(world.log.text()).toContain("load not known");
    world.answers.set("lag", 63);
    await world.call(400, 16);
    expect(world.replicas()).toBe(7);
    expect(world.decisions.of(KEY)?.last).toBe(
      "LoadRose: from 4 to 7 replicas, as signals[1] is 63 (9 for each)",
    );
  });

  it("that have been unknown for a while are news, and make no fewer replicas", async () => {
    const scale = {
      signals: [{ type: "prometheus", target: 10, query: "lag" }],
      down: { windowSeconds: 0 },
    };
    const world = await createAutoscaler((fake) =>
      putFunction(fake, "resize", { spec: { scale, replicas: 5 } }),
    );
    await world.call(0, 30);
    expect(world.decisions.of(KEY)).toBeUndefined();
    await world.call(0, 1);
    expect(world.decisions.of(KEY)).toStrictEqual({ unknown: "signals[0]" });
    expect(world.replicas()).toBe(5);
    world.answers.set("lag", 1);
    await world.call(0, 16);
    expect(world.decisions.of(KEY)).toStrictEqual({
      last: "LoadFell: from 5 to 1 replicas, as signals[0] is 1 (9 for each)",
    });
  });
});
