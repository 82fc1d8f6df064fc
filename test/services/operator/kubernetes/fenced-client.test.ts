import { EventEmitter, once } from "node:events";
import type { ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { KubernetesError, type KubernetesRequest } from "../../../../services/lib/kubernetes.ts";
import { FencedClient } from "../../../../services/operator/kubernetes/fenced-client.ts";
import { collectCleanups } from "../../../support/cleanup.ts";
import { FakeKubernetes } from "../../../support/fake-kubernetes.ts";
import { SERVICES, writesOf } from "../world.ts";

const PATH = `${SERVICES}/resize`;

/** The lead, which a test gives and takes. */
class TestLeadership {
  #term: AbortController | undefined;

  get term(): AbortSignal {
    return this.#term?.signal ?? AbortSignal.abort(new Error("lost"));
  }

  assertLeading(): void {
    this.term.throwIfAborted();
  }

  lead(): void {
    this.#term = new AbortController();
  }

  lose(): void {
    this.#term?.abort(new Error("lost"));
    this.#term = undefined;
  }
}

const atEnd = collectCleanups(afterEach);
let fake: FakeKubernetes;
let leadership: TestLeadership;
let client: FencedClient;

beforeEach(async () => {
  fake = new FakeKubernetes();
  const shared = await fake.start();
  atEnd(() => fake.stop());
  atEnd(() => shared.close());
  leadership = new TestLeadership();
  client = new FencedClient(shared, leadership);
});

/** The next write, which waits until the test answers it. */
async function hold(): Promise<ServerResponse> {
  const held = new EventEmitter();
  fake.intercept = ({ method }, response) => {
    if (method === "GET") {
      return false;
    }
    fake.intercept = () => false;
    held.emit("write", response);
    return true;
  };
  const [response] = (await once(held, "write")) as [ServerResponse];
  return response;
}

const apply = (): Promise<unknown> =>
  client.apply(PATH, { metadata: { name: "resize" } }, { fieldManager: "test", force: true });

describe("FencedClient", () => {
  it("reads whether this instance leads or not", async () => {
    fake.put(SERVICES, { metadata: { name: "resize" } });
    expect(await client.find(PATH)).toMatchObject({ metadata: { name: "resize" } });
    expect(await client.request(PATH, { method: "GET" })).toMatchObject({ metadata: {} });
    expect(await json(await client.stream(SERVICES))).toMatchObject({ items: [{}] });
    expect(fake.requests).toHaveLength(3);
  });

  it.each<NonNullable<KubernetesRequest["method"]>>(["POST", "PUT", "PATCH", "DELETE"])(
    "refuses %s while this instance does not lead",
    async (method) => {
      await expect(client.request(PATH, { method, body: {} })).rejects.toThrow("lost");
      await expect(client.stream(PATH, { method })).rejects.toThrow("lost");
      leadership.lead();
      leadership.lose();
      await expect(client.request(PATH, { method, body: {} })).rejects.toThrow("lost");
      expect(fake.requests).toHaveLength(0);
    },
  );

  it("refuses what is applied and patched", async () => {
    await expect(apply()).rejects.toThrow("lost");
    await expect(client.mergePatch(PATH, {}, "test")).rejects.toThrow("lost");
    expect(fake.requests).toHaveLength(0);
  });

  it("writes while this instance leads, and when it does so again", async () => {
    leadership.lead();
    await apply();
    leadership.lose();
    leadership.lead();
    await apply();
    expect(writesOf(fake)).toStrictEqual([`PATCH ${PATH}`, `PATCH ${PATH}`]);
  });

  it("cuts what it is writing when the lead is lost, for this reason", async () => {
    leadership.lead();
    const held = hold();
    const written = apply().catch((error: unknown) => error);
    const response = await held;
    const cut = once(response, "close");
    leadership.lose();
    expect(await written).toStrictEqual(new Error("lost"));
    await cut;
  });

  it("goes on reading when the lead is lost", async () => {
    leadership.lead();
    fake.put(SERVICES, { metadata: { name: "resize" } });
    fake.intercept = () => {
      leadership.lose();
      return false;
    };
    expect(await client.find(PATH)).toMatchObject({ metadata: { name: "resize" } });
  });

  it("does not take half of a refusal for one, or half of an answer", async () => {
    for (const status of [200, 403]) {
      leadership.lead();
      const held = hold();
      const written = apply().catch((error: unknown) => error);
      const response = await held;
      response.writeHead(status, { "content-type": "application/json" }).write('{"reason":');
      // Half of it is read by the time that another request has been answered.
      await client.find(PATH);
      leadership.lose();
      expect(await written).toStrictEqual(new Error("lost"));
    }
  });

  it("gives a refusal as it is", async () => {
    leadership.lead();
    const held = hold();
    const written = apply();
    const body = { kind: "Status", code: 403, reason: "Forbidden", message: "quota" };
    (await held).writeHead(403, { "content-type": "application/json" }).end(JSON.stringify(body));
    await expect(written).rejects.toThrow(new KubernetesError("quota", 403, "Forbidden"));
  });

  it("heeds the time that a caller gives a write, and the end of the lead beside it", async () => {
    leadership.lead();
    for (const end of ["late", "lost"]) {
      const limit = new AbortController();
      const held = hold();
      const { signal } = limit;
      const written = client.request(PATH, { method: "PATCH", body: {}, signal });
      const failure = written.catch((error: unknown) => error);
      await held;
      if (end === "late") {
        limit.abort(new Error(end));
      } else {
        leadership.lose();
      }
      expect(await failure).toStrictEqual(new Error(end));
    }
  });
});
