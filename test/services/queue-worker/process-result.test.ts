/** The result of a call, between its run and its settlement. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { QueuedCall } from "../../../contract/queue/index.ts";
import type { Run } from "../../../services/queue-worker/call-function.ts";
import { ProcessorWorld } from "../../support/processor-world.ts";

const ID = "7-AAAAAAAAAAAAAAAA";
const CALLBACK = new URL("http://a.example/cb");
let world: ProcessorWorld;

beforeEach(() => {
  world = new ProcessorWorld();
});

describe("a result", () => {
  const HEAD = `faas-result.openfaas-fn.f.${ID}`;
  const storedOf = () => world.queue.stored.map(({ subject }) => subject);

  test("is kept before its call is told to be done", async () => {
    world.run = { status: 404, capture: { body: Buffer.from("no"), isTruncated: false } };
    expect(await world.handle({ keepResultSeconds: 60 })).toEqual({ isDone: true });
    expect(world.events.slice(2)).toEqual([
      `store ${HEAD}`,
      `store ${HEAD}.over`,
      'tell done {"attempts":0,"starts":0,"status":404}',
    ]);
  });

  test("is kept after its callback is queued, and before the letter of a call that is dead", async () => {
    world.run = { status: 500 };
    await world.handle({ keepResultSeconds: 60, callback: CALLBACK }, world.again({ attempts: 3 }));
    expect(storedOf()).toEqual([
      expect.stringMatching(/^faas-callback\./),
      HEAD,
      `${HEAD}.over`,
      "faas-dead.openfaas-fn.f",
    ]);
  });

  test.each<[string, Partial<QueuedCall>, Partial<Run>]>([
    ["that nobody wants", {}, {}],
    ["of a call that is repeated", { keepResultSeconds: 60 }, { status: 500 }],
    ["of a call without an answer", { keepResultSeconds: 60, acceptedAt: 0 }, { status: 0 }],
  ])("%s is not kept", async (_what, call, run) => {
    world.run = run;
    await world.handle(call);
    expect(storedOf().filter((subject) => subject.startsWith("faas-result"))).toEqual([]);
  });

  test("that is lost ends its call all the same, which says so", async () => {
    world.queue.failures.set("faas-result", new Error("maximum bytes exceeded"));
    expect(await world.handle({ keepResultSeconds: 60 })).toEqual({ isDone: true });
    const reason = "its result could not be kept";
    const told = { attempts: 0, starts: 0, status: 200, reason };
    expect(world.events.at(-1)).toBe(`tell done ${JSON.stringify(told)}`);
    expect(storedOf()).toEqual([]);
  });

  test.each<{ what: string; call?: Partial<QueuedCall>; run?: Partial<Run>; isKept: boolean }>([
    { what: "goes with its result", isKept: false },
    { what: "stays for its callback", call: { callback: CALLBACK }, isKept: true },
    {
      what: "goes where the call is repeated",
      call: { callback: CALLBACK },
      run: { status: 500 },
      isKept: false,
    },
  ])("leaves a large answer that $what", async ({ call, run, isKept }) => {
    const body = { name: "AAAAAAAAAAAAAAAA-answer", bytes: 300_000 };
    world.queue.bodies.kept.set(body.name, Buffer.alloc(300_000));
    world.run = { ...run, capture: { body, isTruncated: false } };
    await world.handle({ keepResultSeconds: 60, ...call });
    expect(world.queue.bodies.kept.has(body.name)).toBe(isKept);
  });
});
