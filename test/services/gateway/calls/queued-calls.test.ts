/** Queued calls as they are looked at: what is listed in which order, found, and cancelled. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type CallState,
  type CallStateName,
  isFinal,
  parseCallId,
  type QueuedCall,
  STREAM,
  toStateSubject,
} from "../../../../contract/queue/index.ts";
import {
  type CallQuery,
  type FoundCall,
  QueuedCalls,
} from "../../../../services/gateway/calls/queued-calls.ts";
import { FakeStreams } from "../../../support/fake-streams.ts";
import { LEAST_CALL } from "../../../support/queued-message.ts";

const reference = { name: "f", namespace: "fn" };
let streams: FakeStreams;
let calls: QueuedCalls;
let drawn: number;

beforeEach(() => {
  streams = new FakeStreams();
  calls = new QueuedCalls(streams.queue);
  drawn = 0;
});

/** Queues a call; its id. */
function put(changes: Partial<QueuedCall> = {}, gap = 0): string {
  drawn += 1;
  const nonce = String(drawn).padStart(16, "n");
  return streams.putCall({ ...LEAST_CALL, reference, nonce, ...changes }, "faas-request", gap);
}

function tell(id: string, state: CallStateName, parts: Partial<CallState> = {}): void {
  const told = { state, attempts: 0, starts: 1, at: 1, ...parts };
  streams.put(STREAM.states, toStateSubject(reference, id), { data: JSON.stringify(told) });
}

/** A call that is there. */
async function find(id: string): Promise<FoundCall> {
  return (await calls.find(id)) ?? Promise.reject(new Error(`${id}: expected a call, got none`));
}

/** A call that is in the queue no more. */
function end(id: string, state: CallStateName): void {
  tell(id, state);
  const messages = streams.kept.get(STREAM.calls) ?? [];
  const { sequence } = parseCallId(id) ?? { sequence: 0 };
  streams.kept.set(
    STREAM.calls,
    messages.filter(({ seq }) => seq !== sequence),
  );
}

async function list(query: Partial<CallQuery> = {}) {
  const page = await calls.list({ namespace: "fn", limit: 100, after: 0, ...query });
  return { ids: page.calls.map(({ id }) => id), next: page.next };
}

/** All pages, one after the other. */
async function listAll(query: Partial<CallQuery>): Promise<string[]> {
  const found: string[] = [];
  for (let after: number | undefined = 0, pages = 0; after !== undefined; pages += 1) {
    expect(pages).toBeLessThan(50);
    const { ids, next }: Awaited<ReturnType<typeof list>> = await list({ ...query, after });
    found.push(...ids);
    after = next;
  }
  return found;
}

describe("a list", () => {
  test("has those that wait and those that are over, by when they were accepted", async () => {
    const [over, first, dead, second] = [put(), put(), put(), put()];
    end(over, "done");
    end(dead, "dead");
    expect(await list()).toEqual({ ids: [over, first, dead, second], next: undefined });
  });

  test("shows what is known of each", async () => {
    const later = Date.now() + 3_600_000;
    const [queued, running] = [put({ path: "/p", notBefore: later }), put()];
    tell(running, "running", { attempts: 2 });
    const page = await calls.list({ namespace: "fn", limit: 9, after: 0 });
    expect(page.calls).toMatchObject([
      { id: queued, state: "queued", path: "/p", nextAt: new Date(later).toISOString() },
      { id: running, state: "running", attempts: 2, functionName: "f", namespace: "fn" },
    ]);
  });

  test("has no call twice whose end is told while its message is still there", async () => {
    const [done, other] = [put(), put()];
    tell(done, "done");
    expect(await list()).toEqual({ ids: [done, other], next: undefined });
    expect(await list({ state: "queued" })).toEqual({ ids: [other], next: undefined });
  });

  test("has a call that comes to its end while it is read", async () => {
    const [ending, other] = [put(), put()];
    streams.onAsk = (what) => {
      if (what === `get ${STREAM.calls}`) {
        streams.onAsk = () => undefined;
        end(ending, "done");
      }
    };
    expect(await list()).toEqual({ ids: [ending, other], next: undefined });
  });

  test("is of one function, or of all in one namespace", async () => {
    const mine = put();
    const beside = put({ reference: { name: "g", namespace: "fn" } });
    const far = put({ reference: { name: "f", namespace: "other" } });
    expect((await list()).ids).toEqual([mine, beside]);
    expect((await list({ functionName: "g" })).ids).toEqual([beside]);
    expect((await list({ namespace: "other", functionName: "f" })).ids).toEqual([far]);
    expect((await list({ functionName: "nobody" })).ids).toEqual([]);
  });

  test("does not show what is no call", async () => {
    const call = put();
    streams.put(STREAM.calls, "faas-request.fn.f.faas-request", { data: "no call" });
    const nonce = "0123456789abcdef";
    const head: [string, string][] = [["Plonk-Nonce", nonce]];
    streams.put(STREAM.calls, "faas-request.fn.f.faas-request", { fields: head });
    expect((await list()).ids).toEqual([call]);
  });

  test("of a state has that state alone, also where the told word of it is all there is", async () => {
    const [queued, running, retrying] = [put(), put(), put()];
    tell(running, "running");
    tell(retrying, "retrying");
    const dead = put();
    end(dead, "dead");
    expect((await list({ state: "queued" })).ids).toEqual([queued]);
    expect((await list({ state: "running" })).ids).toEqual([running]);
    expect((await list({ state: "retrying" })).ids).toEqual([retrying]);
    expect((await list({ state: "dead" })).ids).toEqual([dead]);
    expect((await list({ state: "expired" })).ids).toEqual([]);
  });

  test("does not show a call as running that has just come to its end", async () => {
    const id = put();
    end(id, "running");
    expect((await list({ state: "running" })).ids).toEqual([]);
  });

  test("passes over at most a thousand others in search of one, and says where to go on", async () => {
    for (let count = 0; count < 1001; count += 1) {
      tell(put(), "running");
    }
    const wanted = put();
    const page = await list({ state: "queued" });
    expect(page).toEqual({ ids: [], next: 1000 });
    expect(await list({ state: "queued", after: 1000 })).toEqual({
      ids: [wanted],
      next: undefined,
    });
  });

  test("has a call once that is over, behind more that is none than one page looks at", async () => {
    for (let count = 0; count < 1001; count += 1) {
      streams.put(STREAM.calls, "faas-request.fn.f.faas-request");
    }
    const over = put();
    end(over, "done");
    expect(await listAll({ limit: 100 })).toEqual([over]);
  });

  test("reads one message for each call that it shows, of however many", async () => {
    for (let count = 0; count < 200; count += 1) {
      put();
    }
    streams.asked.length = 0;
    await list({ limit: 5 });
    expect(streams.asked.filter((what) => what.startsWith("get"))).toHaveLength(5);
  });

  test("is the same page by page, in whatever state the calls are", async () => {
    const STATES = ["none", "running", "retrying", "done", "dead", "cancelled"] as const;
    const entry = fc.record({
      state: fc.constantFrom(...STATES),
      gap: fc.integer({ max: 3, min: 0 }),
    });
    const filter = fc.constantFrom<CallStateName | undefined>(
      undefined,
      "queued",
      "running",
      "done",
    );
    const ask = fc.record({
      entries: fc.array(entry, { maxLength: 25 }),
      limit: fc.integer({ min: 1, max: 7 }),
      state: filter,
    });
    await fc.assert(
      fc.asyncProperty(ask, async ({ entries, limit, state }) => {
        streams = new FakeStreams();
        calls = new QueuedCalls(streams.queue);
        const ids = entries.map(({ gap }) => put({}, gap));
        entries.forEach(({ state: told }, index) => {
          const id = ids[index] ?? "";
          if (told !== "none") {
            (isFinal({ state: told }) ? end : tell)(id, told);
          }
        });
        const wanted = ids.filter((_id, index) => {
          const told = entries[index]?.state;
          return state === undefined || (told === "none" ? "queued" : told) === state;
        });
        expect(await listAll({ limit, state })).toEqual(wanted);
      }),
    );
  });
});

describe("a call", () => {
  test("is found by its id while it waits, and by what was told when it is over", async () => {
    const id = put();
    expect(await calls.find(id)).toMatchObject({ id, reference, state: undefined });
    end(id, "done");
    expect(await calls.find(id)).toMatchObject({ id, reference, message: undefined });
  });

  test.each(["", "1", "*", ">", "1-*", "0-nnnnnnnnnnnnnnn1", "1-nnnnnnnnnnnnnnn1.x"])(
    "is not even looked for by %j, which is no id",
    async (text) => {
      put();
      streams.asked.length = 0;
      expect(await calls.find(text)).toBeUndefined();
      expect(streams.asked).toEqual([]);
    },
  );

  test("is not found by its place alone: places begin again when a stream is made anew", async () => {
    const id = put();
    const other = id.replace(/.$/, "x");
    expect(await calls.find(other)).toBeUndefined();
  });
});

describe("a cancellation", () => {
  test("takes the call out, ends its run, and is seen by who asks next", async () => {
    const id = put();
    tell(id, "running", { attempts: 1, starts: 2 });
    const call = await find(id);
    expect(await calls.cancel(call)).toBe(true);
    expect(streams.placesIn(STREAM.calls)).toEqual([]);
    const told = { state: "cancelled", attempts: 1, starts: 2 };
    expect(await find(id)).toMatchObject({ state: told });
    expect(streams.said).toEqual([`faas-cancel.${id}`]);
  });

  test("is one although its run cannot be told of it, as the connection is lost just then", async () => {
    const id = put();
    const call = await find(id);
    const publish = (): void => {
      throw new Error("closed connection");
    };
    const lost = { access: { ...streams.access, connection: { publish } } };
    expect(await new QueuedCalls(streams.queueWith({ link: lost })).cancel(call)).toBe(true);
    expect(await find(id)).toMatchObject({ state: { state: "cancelled" } });
  });

  test("forgets a body that was kept beside the call", async () => {
    const body = { name: "large", bytes: 3 };
    streams.bodies.kept.set("large", Buffer.from("big"));
    const call = await find(put({ body }));
    await calls.cancel(call);
    expect([...streams.bodies.kept]).toEqual([]);
  });

  test("of what is over, or was just taken, changes nothing and tells nobody", async () => {
    const [over, taken] = [put(), put()];
    const call = await find(taken);
    end(over, "done");
    end(taken, "running");
    const past = await find(over);
    expect(await calls.cancel(past)).toBe(false);
    expect(await calls.cancel(call)).toBe(false);
    expect(streams.said).toEqual([]);
  });
});
