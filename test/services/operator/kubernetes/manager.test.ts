import { EventEmitter } from "node:events";
import { afterEach, describe, expect, it, jest } from "@jest/globals";
import { Registry } from "../../../../services/lib/metrics.ts";
import type {
  Controller,
  Enqueue,
  ReconcileResult,
} from "../../../../services/operator/kubernetes/controller.ts";
import type {
  Leadership,
  LeadershipEvents,
} from "../../../../services/operator/kubernetes/leader-election.ts";
import { Manager } from "../../../../services/operator/kubernetes/manager.ts";
import { fakeOnly } from "../../../support/clock.ts";
import { createKeptLog } from "../../../support/logs.ts";
import { until } from "../../../support/until.ts";

/** An election that the test decides. */
class TestElection extends EventEmitter<LeadershipEvents> implements Leadership {
  isLeading = false;
  readonly term = new AbortController().signal;
  readonly calls: string[];

  constructor(calls: string[]) {
    super();
    this.calls = calls;
  }

  assertLeading(): void {
    expect(this.isLeading).toBe(true);
  }

  start(): void {
    this.calls.push("election starts");
  }

  stop(): Promise<void> {
    this.calls.push("election stops");
    return Promise.resolve();
  }

  decide(event: "lead" | "lose"): void {
    this.isLeading = event === "lead";
    this.emit(event);
  }
}

/** A controller that notes its keys, and does with them what the test says. */
class TestController implements Controller {
  readonly name: string;
  readonly runs: string[] = [];
  enqueue: Enqueue = () => undefined;
  readonly informers = [
    (enqueue: Enqueue) => {
      this.enqueue = enqueue;
    },
  ];
  readonly #keys: string[];
  readonly #work: (key: string) => Promise<ReconcileResult>;

  constructor(
    name: string,
    keys: string[],
    work: (key: string) => Promise<ReconcileResult> = () => Promise.resolve({}),
  ) {
    this.name = name;
    this.#keys = keys;
    this.#work = work;
  }

  keys(): string[] {
    return this.#keys;
  }

  reconcile(key: string): Promise<ReconcileResult> {
    this.runs.push(key);
    return this.#work(key);
  }
}

function makeManager(...controllers: TestController[]) {
  const calls: string[] = [];
  const election = new TestElection(calls);
  const informers = {
    start: () => Promise.resolve(void calls.push("informers start")),
    stop: () => Promise.resolve(void calls.push("informers stop")),
    problem: () => "pods not listed yet",
  };
  const registry = new Registry();
  const log = createKeptLog();
  const { logger } = log;
  const manager = new Manager({ informers, controllers, election, logger, registry });
  return { manager, election, calls, registry, log };
}

/** Lets all promises go on that wait for nothing else. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

afterEach(() => {
  jest.useRealTimers();
});

describe("Manager", () => {
  it("fills the informers before it stands for election, and stops in the other order", async () => {
    const { manager, calls } = makeManager();
    await manager.start();
    await manager.stop();
    expect(calls).toStrictEqual([
      "informers start",
      "election starts",
      "election stops",
      "informers stop",
    ]);
    expect(manager.problem()).toBe("pods not listed yet");
  });

  it("reconciles nothing before it leads, and then all keys of each controller", async () => {
    const functions = new TestController("function", ["a/one", "a/two"]);
    const namespaces = new TestController("namespace", ["a"]);
    const { manager, election, registry } = makeManager(functions, namespaces);
    await manager.start();
    functions.enqueue("a/three");
    await settle();
    expect([functions.runs, namespaces.runs]).toStrictEqual([[], []]);
    expect(await registry.metrics()).toContain(
      'operator_workqueue_depth{controller="function"} 1\noperator_workqueue_depth{controller="namespace"} 0\n',
    );
    election.decide("lead");
    await settle();
    expect(functions.runs).toStrictEqual(["a/three", "a/one", "a/two"]);
    expect(namespaces.runs).toStrictEqual(["a"]);
    expect(manager.isLeading).toBe(true);
    await manager.stop();
  });

  it("gives each key to the controller that was triggered, whatever the key looks like", async () => {
    const one = new TestController("one", []);
    const other = new TestController("other", []);
    const { manager, election } = makeManager(one, other);
    election.decide("lead");
    one.enqueue("same");
    other.enqueue("same/key");
    await settle();
    expect([one.runs, other.runs]).toStrictEqual([["same"], ["same/key"]]);
    await manager.stop();
  });

  it("reconciles one controller's keys while all of another's hang or fail", async () => {
    const gate = Promise.withResolvers<ReconcileResult>();
    const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
    const slow = new TestController("slow", keys, () => gate.promise);
    const failing = new TestController("failing", keys, () => Promise.reject(new Error("no")));
    const good = new TestController("good", keys);
    const { manager, election, registry, log } = makeManager(slow, failing, good);
    election.decide("lead");
    await until("all keys of the good one", () => good.runs.length === keys.length);
    // As many as a queue works on at a time.
    expect(slow.runs).toHaveLength(4);
    const text = await registry.metrics();
    expect(text).toContain('operator_reconcile_total{controller="good",result="success"} 20\n');
    expect(text).toContain('operator_workqueue_depth{controller="slow"} 16\n');
    expect(text).toContain("operator_leader 1\n");
    expect(log.text()).toContain('"controller":"failing","key":"key-0","reason":"no"');
    gate.resolve({});
    await manager.stop();
  });

  it("reconciles a key again after the time that a controller asks for", async () => {
    const controller = new TestController("function", ["a/one"], () =>
      Promise.resolve({ requeueAfterMs: 1 }),
    );
    const { manager, election } = makeManager(controller);
    election.decide("lead");
    await until("three runs", () => controller.runs.length >= 3);
    await manager.stop();
    const runs = controller.runs.length;
    await settle();
    expect(controller.runs).toHaveLength(runs);
  });

  it("ends the work of all controllers when it loses the lead, until it leads again", async () => {
    const one = new TestController("one", ["x"]);
    const other = new TestController("other", ["y"], () => Promise.resolve({ requeueAfterMs: 1 }));
    const { manager, election, registry } = makeManager(one, other);
    election.decide("lead");
    await until("both", () => one.runs.length > 0 && other.runs.length > 0);
    election.decide("lose");
    await settle();
    const before = [one.runs.length, other.runs.length];
    one.enqueue("z");
    await settle();
    expect([one.runs.length, other.runs.length]).toStrictEqual(before);
    expect(await registry.metrics()).toContain("operator_leader 0\n");
    election.decide("lead");
    await until("the key that came meanwhile", () => one.runs.includes("z"));
    expect(one.runs).toStrictEqual(["x", "z", "x"]);
    await manager.stop();
  });

  it("waits for what runs before it gives up the lead", async () => {
    const gate = Promise.withResolvers<ReconcileResult>();
    const controller = new TestController("function", ["a/one"], () => gate.promise);
    const { manager, election, calls } = makeManager(controller);
    election.decide("lead");
    const stopped = manager.stop();
    await settle();
    expect(calls).toStrictEqual([]);
    gate.resolve({ requeueAfterMs: 1 });
    await stopped;
    expect(calls).toStrictEqual(["election stops", "informers stop"]);
    expect(controller.runs).toStrictEqual(["a/one"]);
  });

  it("gives up the lead after four seconds although something still runs", async () => {
    fakeOnly("setTimeout", "clearTimeout");
    const hanging = Promise.withResolvers<ReconcileResult>();
    const controller = new TestController("function", ["a/one"], () => hanging.promise);
    const { manager, election, calls } = makeManager(controller);
    election.decide("lead");
    const stopped = manager.stop();
    await jest.advanceTimersByTimeAsync(3999);
    expect(calls).toStrictEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    await stopped;
    expect(calls).toStrictEqual(["election stops", "informers stop"]);
    hanging.resolve({});
  });
});
