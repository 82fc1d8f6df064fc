/** A queue on three servers: what it keeps when it loses some, by the component's configuration. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { STREAM, STREAMS } from "../../../contract/queue/index.ts";
import { ensureStreams } from "../../../services/lib/queue/streams.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { TestGateway } from "../../support/gateway.ts";
import { NatsCluster } from "../../support/nats-cluster.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterAll, 60_000);
const onTestEnd = collectCleanups(afterEach);
const BODIES = `OBJ_${STREAM.bodies}`;

describe("a cluster of three", () => {
  let cluster: NatsCluster;
  let gateway: TestGateway;
  let manager: JetStreamManager;

  beforeAll(async () => {
    cluster = await NatsCluster.start();
    atEnd(() => cluster.destroy());
    await cluster.untilReady(3);
    gateway = await TestGateway.start(cluster.environmentOf("gateway"));
    atEnd(() => gateway.stop());
    gateway.declare("f");
    await gateway.settle();
    const connection = await cluster.connect("gateway");
    atEnd(() => connection.close());
    manager = await jetstreamManager(connection, { timeout: 10_000 });
    await until("the queue", async () => (await enqueue("first")).status === 202);
  }, 300_000);

  /** With a key: what had no answer may be stored all the same, and is asked for again. */
  function enqueue(body: string): Promise<Response> {
    const headers = { "idempotency-key": body };
    const init = { method: "POST", headers, body, signal: AbortSignal.timeout(30_000) };
    return fetch(`${gateway.url}/async-function/f`, init);
  }

  async function countCalls(): Promise<number> {
    return (await manager.streams.info(STREAM.calls)).state.messages;
  }

  test("has each stream on three servers, the states in their memory", async () => {
    for (const name of [...STREAMS.map((each) => each.name), BODIES]) {
      const { config, cluster: place } = await manager.streams.info(name);
      expect([name, config.num_replicas, place?.replicas?.length]).toEqual([name, 3, 2]);
    }
    expect((await manager.streams.info(STREAM.states)).config.storage).toBe("memory");
  });

  test("gets streams that were on one server on three, with what is in them", async () => {
    const before = await countCalls();
    await ensureStreams(manager, { replicas: 1 });
    expect((await manager.streams.info(STREAM.calls)).config.num_replicas).toBe(1);
    await ensureStreams(manager, { replicas: 3 });
    const { config, state } = await manager.streams.info(STREAM.calls);
    expect([config.num_replicas, state.messages]).toEqual([3, before]);
    await ensureStreams(manager);
    expect((await manager.streams.info(STREAM.calls)).config.num_replicas).toBe(3);
  });

  test("loses no call with one server and its disk, takes others, and heals", async () => {
    const { cluster: place } = await manager.streams.info(STREAM.calls);
    const leader = cluster.members[Number(place?.leader?.at(-1))];
    const before = await countCalls();
    await leader?.server.halt("SIGKILL");
    await leader?.server.lose();
    await until("another leader", async () => {
      const info = await manager.streams.info(STREAM.calls).catch(() => undefined);
      return ![undefined, place?.leader].includes(info?.cluster?.leader);
    });
    await until("a call to be taken", async () => (await enqueue("second")).status === 202);
    await until("all calls", async () => (await countCalls().catch(() => 0)) === before + 1);
    await leader?.server.start();
    await cluster.untilReady(3);
    await until("copies on three servers", async () => {
      const info = await manager.streams.info(STREAM.calls).catch(() => undefined);
      return info?.cluster?.replicas?.every(({ current }) => current) === true;
    });
    expect(await countCalls()).toBe(before + 1);
  }, 300_000);

  test("takes no call without its majority, and says so", async () => {
    const [first, second] = cluster.members;
    await Promise.all([first?.server.halt("SIGKILL"), second?.server.halt("SIGKILL")]);
    const refused = await enqueue("refused");
    expect([refused.status, await refused.text()]).toEqual([503, "queue: not reachable"]);
    expect(refused.headers.get("retry-after")).toBe("2");
  }, 300_000);
});

test("a server with a certificate of another authority is none of the cluster's", async () => {
  const cluster = await NatsCluster.start([2]);
  onTestEnd(() => cluster.destroy());
  await until("two servers of three", async () => {
    const counts = await Promise.all(
      cluster.members.map(async ({ monitorPort }) => {
        const answer = await fetch(`http://127.0.0.1:${monitorPort}/routez`);
        const { routes } = (await answer.json()) as { routes: { remote_name: string }[] | null };
        return new Set(routes?.map(({ remote_name: name }) => name)).size;
      }),
    );
    return counts.join() === "1,1,0";
  });
}, 300_000);
