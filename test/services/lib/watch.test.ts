/** List and watch against a server that fails in all the ways that a real one does. */
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  type Change,
  keyOf,
  ResourceWatch,
  type WatchedObject,
} from "../../../services/lib/watch.ts";
import { moveClock } from "../../support/clock.ts";
import { FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { createKeptLog } from "../../support/logs.ts";
import { until } from "../../support/until.ts";
import { MARK, type WatchingClient } from "../../support/watching-client.ts";

interface Thing extends WatchedObject {
  spec?: { value: number };
}

const collection = "/apis/test/v1/namespaces/a/things";
let fake: FakeKubernetes;
let client: WatchingClient;
let watch: ResourceWatch<Thing>;
let seen: string[];

function put(name: string, value: number, labels?: Record<string, string>): void {
  fake.put(collection, { metadata: { name, ...(labels && { labels }) }, spec: { value } });
}

function note({ key, current, previous }: Change<Thing>): void {
  seen.push(`${key} ${previous?.spec?.value ?? "-"}>${current?.spec?.value ?? "-"}`);
}

function create(options: Partial<ConstructorParameters<typeof ResourceWatch<Thing>>[0]> = {}) {
  watch = new ResourceWatch<Thing>({
    client,
    path: collection,
    logger: createKeptLog().logger,
    backoff: { initialMs: 10, maxMs: 20 },
    ...options,
  });
  watch.on("change", note);
  return watch.start();
}

beforeEach(async () => {
  fake = new FakeKubernetes();
  client = await fake.start();
  seen = [];
});

afterEach(async () => {
  await watch.stop();
  await client.close();
  await fake.stop();
});

describe("ResourceWatch", () => {
  test("lists, then follows what is added, changed and deleted", async () => {
    put("x", 1);
    await create().waitForSync();
    expect(watch.get("a/x")?.spec).toEqual({ value: 1 });
    await until("a watch", () => fake.watchers === 1);
    put("y", 2);
    put("x", 3);
    fake.remove(collection, "y");
    await until("all changes", () => seen.length === 4);
    expect(seen).toEqual(["a/x ->1", "a/y ->2", "a/x 1>3", "a/y 2>-"]);
    expect([watch.size, [...watch.values()].map(keyOf)]).toEqual([1, ["a/x"]]);
  });

  test("asks for bookmarks and begins where the list ended", async () => {
    put("x", 1);
    await create().waitForSync();
    await until("a watch", () => fake.watchers === 1);
    const query = fake.requests.at(-1)?.query;
    expect(query?.get("resourceVersion")).toBe("101");
    expect(query?.get("allowWatchBookmarks")).toBe("true");
    expect(Number(query?.get("timeoutSeconds"))).toBeGreaterThanOrEqual(240);
  });

  test("goes on from the last bookmark when the connection breaks", async () => {
    await create().waitForSync();
    await until("a watch", () => fake.watchers === 1);
    const metadata = { resourceVersion: "900", name: `${MARK}1` };
    fake.sendLine(JSON.stringify({ type: "BOOKMARK", object: { metadata } }));
    await until("the bookmark to be read", () => client.hasRead(1));
    fake.dropWatches();
    await until("another watch", () => fake.requests.length === 3);
    expect(fake.requests[2]?.query.get("resourceVersion")).toBe("900");
  });

  test("lists again after 410 and reports only what has changed", async () => {
    put("kept", 1);
    put("gone", 1);
    await create().waitForSync();
    await until("a watch", () => fake.watchers === 1);
    const relisted = new Promise<void>((resolve) => watch.once("relisted", resolve));
    seen = [];
    fake.objects.delete(`${collection}/gone`);
    fake.expireWatches();
    await relisted;
    expect(seen).toEqual(["a/gone 1>-"]);
  });

  test("tells of what is gone by which version it was, however it hears of that", async () => {
    put("deleted", 1);
    put("missed", 1);
    put("anew", 1);
    await create().waitForSync();
    await until("a watch", () => fake.watchers === 1);
    const changes: [key: string, kind: string, goneAt?: string][] = [];
    watch.on("change", ({ key, current, goneAt }) => {
      changes.push([key, current === undefined ? "gone" : `${current.spec?.value}`, goneAt ?? ""]);
    });
    fake.remove(collection, "deleted");
    await until("the deletion", () => changes.length === 1);
    const goOn = await fake.interrupt();
    fake.intercept = ({ query }, response) => {
      if (query.get("watch") === "true" && query.get("resourceVersion") === "104") {
        response.writeHead(410).end();
        return true;
      }
      return false;
    };
    fake.remove(collection, "missed");
    fake.remove(collection, "anew");
    put("anew", 2);
    await goOn();
    await until("the rest", () => changes.length === 4);
    expect(changes).toEqual([
      ["a/deleted", "gone", "104"],
      // As of the list.
      ["a/missed", "gone", "108"],
      // As of what was heard last.
      ["a/anew", "gone", "105"],
      ["a/anew", "2", ""],
    ]);
  });

  test("catches up with what happened while the API server was away", async () => {
    put("kept", 1);
    put("gone", 1);
    await create().waitForSync();
    await until("a watch", () => fake.watchers === 1);
    const goOn = await fake.interrupt();
    seen = [];
    put("new", 1);
    put("kept", 2);
    fake.remove(collection, "gone");
    await once(watch, "failed");
    expect(watch.problem()).toBeUndefined();
    await goOn();
    await until("all changes", () => seen.length === 3);
    expect(seen).toEqual(["a/new ->1", "a/kept 1>2", "a/gone 1>-"]);
  });

  test("tells the objects of one collection in several namespaces apart", async () => {
    put("x", 1);
    await create({ path: "/apis/test/v1/things" }).waitForSync();
    await until("a watch", () => fake.watchers === 1);
    fake.put("/apis/test/v1/namespaces/b/things", { metadata: { name: "x" }, spec: { value: 2 } });
    await until("the change", () => seen.length === 2);
    expect([watch.get("a/x")?.spec, watch.get("b/x")?.spec]).toEqual([{ value: 1 }, { value: 2 }]);
    fake.remove("/apis/test/v1/namespaces/b/things", "x");
    await until("the end", () => watch.get("b/x") === undefined);
    expect(watch.get("a/x")?.spec).toEqual({ value: 1 });
  });

  test("is as good as before while the API server is away, however long, and says since when", async () => {
    put("kept", 1);
    await create().waitForSync();
    await until("a watch", () => fake.watchers === 1);
    await fake.interrupt();
    await once(watch, "failed");
    moveClock(3_600_000);
    expect([watch.problem(), watch.get("a/kept")?.spec]).toEqual([undefined, { value: 1 }]);
    expect(watch.silenceSeconds).toBeGreaterThanOrEqual(3600);
  });

  test("survives a line that is no JSON", async () => {
    await create().waitForSync();
    await until("a watch", () => fake.watchers === 1);
    fake.sendLine("{not json");
    await until("another watch", () => fake.requests.length === 3);
    await until("a watch", () => fake.watchers === 1);
    put("x", 1);
    await until("the change", () => watch.get("a/x") !== undefined);
  });

  test("tries again with waits while the server refuses, and says what is wrong", async () => {
    let refusals = 0;
    fake.intercept = (_seen, response) => {
      if (++refusals > 3) {
        return false;
      }
      response.writeHead(403).end("{}");
      return true;
    };
    const failures: string[] = [];
    create().on("failed", (error) => failures.push(error.message));
    expect(watch.problem()).toBe(`${collection} not listed yet`);
    await watch.waitForSync();
    expect(failures).toHaveLength(3);
    expect(watch.problem()).toBeUndefined();
  });

  test("reads a long list page by page", async () => {
    const pages = [
      { metadata: { resourceVersion: "5", continue: "more" }, items: [thing("x")] },
      { metadata: { resourceVersion: "5" }, items: [thing("y")] },
    ];
    const asked: (string | null)[] = [];
    fake.intercept = ({ query }, response) => {
      if (query.get("watch") === "true") {
        return false;
      }
      asked.push(query.get("continue"));
      response.end(JSON.stringify(pages.shift()));
      return true;
    };
    await create().waitForSync();
    expect(asked).toEqual([null, "more"]);
    expect([...watch.values()].map(keyOf)).toEqual(["a/x", "a/y"]);
  });

  test("keeps only the labelled objects and only what the projection keeps", async () => {
    put("x", 1, { app: "yes" });
    put("y", 2);
    const project = ({ metadata }: Thing): Thing => ({ metadata });
    await create({ labelSelector: "app", project }).waitForSync();
    expect([...watch.values()].map((object) => [keyOf(object), object.spec])).toEqual([
      ["a/x", undefined],
    ]);
  });

  test("stops at once, also while it waits", async () => {
    fake.intercept = (_seen, response) => {
      response.writeHead(500).end();
      return true;
    };
    create({ backoff: { initialMs: 60_000, maxMs: 60_000 } });
    await until("a failure", () => fake.requests.length === 1);
    // The test would not live to see the end of the wait.
    await watch.stop();
  });
});

function thing(name: string): Thing {
  return { metadata: { name, namespace: "a", resourceVersion: "1" } };
}
