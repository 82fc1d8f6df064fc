/** What gateway and worker keep on a real NATS: streams, bodies, and the states of calls. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { BODIES, type StoredBody, STREAM, STREAMS } from "../../../contract/queue/index.ts";
import { readTold } from "../../../services/gateway/calls/told-states.ts";
import { createRegistry } from "../../../services/lib/metrics.ts";
import { NatsConnector } from "../../../services/lib/nats.ts";
import { BodyLostError, BodyStore } from "../../../services/lib/queue/body-store.ts";
import { CallStates } from "../../../services/lib/queue/call-states.ts";
import { QueueLink } from "../../../services/lib/queue/queue-link.ts";
import { ensureStreams } from "../../../services/lib/queue/streams.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { createKeptLog } from "../../support/logs.ts";
import { NatsServer } from "../../support/nats.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterAll);
let nats: NatsServer;
let connection: NatsConnection;
let manager: JetStreamManager;

beforeAll(async () => {
  nats = await NatsServer.create();
  atEnd(() => nats.destroy());
  connection = await connect({ servers: `127.0.0.1:${nats.port}` });
  atEnd(() => connection.close());
  // Only to end a hang: a disk may be busy for longer than the five seconds that are usual.
  manager = await jetstreamManager(connection, { timeout: 60_000 });
});

async function deleteStreams(): Promise<void> {
  for await (const { config } of manager.streams.list()) {
    await manager.streams.delete(config.name);
  }
  // NATS takes the folders away when it has answered, also that of a stream that is made meanwhile.
  const folder = join(nats.directory, "jetstream", "$G", "streams");
  await until(
    "no folders of streams",
    () => !existsSync(folder) || readdirSync(folder).length === 0,
  );
}

describe("the streams", () => {
  beforeEach(deleteStreams);

  test("are made once, and told of", async () => {
    const names = STREAMS.map(({ name }) => name);
    expect([await ensureStreams(manager), await ensureStreams(manager)]).toEqual([names, []]);
  });

  test("of which one is missing: that one is made", async () => {
    await ensureStreams(manager);
    await manager.streams.delete(STREAM.dead);
    expect(await ensureStreams(manager)).toEqual([STREAM.dead]);
  });

  test("keep what somebody has set beside our settings", async () => {
    await ensureStreams(manager);
    const { config } = await manager.streams.info(STREAM.calls);
    await manager.streams.update(STREAM.calls, { ...config, max_bytes: 12_345_678 });
    await ensureStreams(manager);
    expect((await manager.streams.info(STREAM.calls)).config.max_bytes).toBe(12_345_678);
  });

  test("cannot be of another kind, which is said by name, field and value", async () => {
    const subjects = ["faas-request", "faas-request.*.*", "faas-request.*.*.*"];
    await manager.streams.add({ name: STREAM.calls, subjects, retention: "limits" });
    await expect(ensureStreams(manager)).rejects.toThrow(
      `stream ${STREAM.calls}: retention: expected workqueue, got limits, which cannot be changed`,
    );
  });

  test("share their room where a server is too small to set some aside for results", async () => {
    const small = await NatsServer.create("jetstream { max_file_store: 64MiB }\n");
    const own = await connect({ servers: `127.0.0.1:${small.port}` });
    const { streams } = await jetstreamManager(own);
    try {
      const names = STREAMS.map(({ name }) => name);
      expect(await ensureStreams(await jetstreamManager(own))).toEqual(names);
      expect(await ensureStreams(await jetstreamManager(own))).toEqual([]);
      expect((await streams.info(STREAM.results)).config.max_bytes).toBe(-1);
    } finally {
      await own.close();
      await small.destroy();
    }
  });

  test("are looked at again where the connection was lost in the middle of that", async () => {
    const listeners: (() => void)[] = [];
    const connector = {
      connection: () => Promise.resolve(connection),
      onReconnect: (listener: () => void) => void listeners.push(listener),
      problem: () => undefined,
      inboxPrefix: "_INBOX_test",
    };
    const link = new QueueLink(connector as unknown as NatsConnector, createKeptLog().logger);
    let looks = 0;
    link.onReady(() => {
      looks += 1;
      // The look is not over yet: who hears of it belongs to it.
      listeners.splice(0).forEach((listener) => listener());
    });
    await link.check();
    link.close();
    expect(looks).toBe(2);
  });

  test("may have the states on the disk, where a server gives no memory", async () => {
    const settings = STREAMS.find(({ name }) => name === STREAM.states);
    await manager.streams.add({ ...settings, name: STREAM.states, storage: "file" });
    await ensureStreams(manager);
    expect((await manager.streams.info(STREAM.states)).config.storage).toBe("file");
  });
});

/** Numbers of a body's parts in the stream. */
async function findPieces({ name }: StoredBody): Promise<number[]> {
  const store = await new Objm(jetstream(connection)).open(STREAM.bodies);
  const { nuid = "" } = (await store.info(name)) ?? {};
  const found: number[] = [];
  for (let seq = 0; ; found.push(seq)) {
    const query = { seq: seq + 1, next_by_subj: `${BODIES.subject}.C.${nuid}` };
    const piece = await manager.streams.getMessage(BODIES.stream, query);
    if (piece === null) {
      return found;
    }
    ({ seq } = piece);
  }
}

async function untilReconnected(of: NatsConnection): Promise<void> {
  for await (const { type } of of.status()) {
    if (type === "reconnect") {
      return;
    }
  }
}

describe("a body in the store", () => {
  const LOST = new BodyLostError("its body is gone from the object store");
  let store: BodyStore;

  beforeAll(async () => {
    await deleteStreams();
    store = await BodyStore.open(jetstream(connection), connection.info?.max_payload);
  });

  async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array, void> {
    await Promise.resolve();
    yield* texts.map((text) => Buffer.from(text));
  }

  async function read(body: StoredBody): Promise<string> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.read(body)) {
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  }

  test("comes out as it went in, with its length", async () => {
    const body = await store.write("whole", pieces("a", "b".repeat(300_000), "c"));
    expect(body).toEqual({ name: "whole", bytes: 300_002 });
    expect(await read(body)).toBe(`a${"b".repeat(300_000)}c`);
  });

  test("may be read in part: the rest is dropped where nobody hears of it", async () => {
    const body = await store.write("part", pieces("x".repeat(1_000_000)));
    for await (const chunk of store.read(body)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(await read(body)).toHaveLength(1_000_000);
  });

  test("that ends with an error is none", async () => {
    const broken = async function* (): AsyncGenerator<Uint8Array, void> {
      yield* pieces("a");
      throw new Error("the caller has gone");
    };
    await expect(store.write("broken", broken())).rejects.toThrow("the caller has gone");
    await expect(read({ name: "broken", bytes: 1 })).rejects.toThrow("its body is gone");
  });

  test("is gone when it is deleted, which may happen twice", async () => {
    const body = await store.write("gone", pieces("a"));
    await store.delete(body);
    await store.delete(body).catch(() => undefined);
    await expect(read(body)).rejects.toThrow(LOST);
  });

  test("of which a part is gone, or is another, is lost, and its last part never comes", async () => {
    const body = await store.write("parts", pieces("x".repeat(300_000)));
    const [first, second] = await findPieces(body);
    await manager.streams.deleteMessage(BODIES.stream, Number(second));
    const lost = "a part of its body is gone from the object store";
    await expect(read(body)).rejects.toThrow(new BodyLostError(lost));
    const kept = await manager.streams.getMessage(BODIES.stream, { seq: Number(first) });
    const { subject } = kept ?? {};
    await jetstream(connection).publish(String(subject), "another");
    const seen: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const { length } of store.read(body)) {
        seen.push(length);
      }
    };
    const changed = "its body is not what was put into the object store";
    await expect(reading()).rejects.toThrow(new BodyLostError(changed));
    expect(seen).toEqual([131_072, 37_856]);
  });

  test("is read to its end from a NATS that was started anew meanwhile", async () => {
    const own = await NatsServer.create();
    const reader = await connect({
      servers: `127.0.0.1:${own.port}`,
      reconnectTimeWait: 50,
      // By default ten: NATS may take longer to start.
      maxReconnectAttempts: -1,
    });
    try {
      const other = await BodyStore.open(jetstream(reader));
      const body = await other.write("large", pieces("x".repeat(600_000)));
      const reading = other.read(body);
      let bytes = (await reading.next()).value?.length ?? 0;
      const back = untilReconnected(reader);
      await own.halt("SIGKILL");
      await own.start();
      await back;
      for await (const { length } of reading) {
        bytes += length;
      }
      expect(bytes).toBe(600_000);
    } finally {
      await reader.close();
      await own.destroy();
    }
  });
});

describe("the state of a call", () => {
  let states: CallStates;
  let queue: QueueLink;

  beforeAll(async () => {
    await deleteStreams();
    const { logger } = createKeptLog();
    const address = { url: `nats://127.0.0.1:${nats.port}`, secretPath: undefined };
    const link = new NatsConnector({
      ...address,
      clientName: "plonk-test",
      logger,
      registry: createRegistry(),
      reconnectMetric: "test_reconnect_total",
    });
    atEnd(() => link.close());
    queue = new QueueLink(link, logger);
    atEnd(() => queue.close());
    await queue.check();
    states = new CallStates(queue);
  });

  test("is the last one that was told, by its id alone", async () => {
    const reference = { name: "f", namespace: "dev" };
    states.tell(reference, "1-AAAAAAAAAAAAAAAA", { state: "running", attempts: 0, starts: 1 });
    states.tell(reference, "1-AAAAAAAAAAAAAAAA", { state: "done", attempts: 0, starts: 0 });
    states.tell(reference, "2-AAAAAAAAAAAAAAAA", { state: "running", attempts: 3, starts: 1 });
    await until(
      "the last one",
      async () => (await states.read("2-AAAAAAAAAAAAAAAA")) !== undefined,
    );
    expect(await states.read("1-AAAAAAAAAAAAAAAA")).toEqual({
      reference,
      state: { state: "done", attempts: 0, starts: 0, at: expect.any(Number) },
    });
  });

  test("is there for who looks at all of them once it is stored", async () => {
    const reference = { name: "f", namespace: "stored" };
    for (let sequence = 1; sequence <= 100; sequence++) {
      const id = `${sequence}-BBBBBBBBBBBBBBBB`;
      await states.store(reference, id, { state: "cancelled", attempts: 0, starts: 0 });
      const told = await readTold(queue.access, { namespace: "stored" });
      expect([told.size, told.has(id)]).toEqual([sequence, true]);
    }
  });

  test("is told again where NATS was started again, if the call is over", async () => {
    const reference = { name: "f", namespace: "dev" };
    const told = { attempts: 1, starts: 0 };
    states.tell(reference, "4-AAAAAAAAAAAAAAAA", { state: "dead", ...told });
    states.tell(reference, "5-AAAAAAAAAAAAAAAA", { state: "retrying", ...told });
    states.tell(reference, "6-AAAAAAAAAAAAAAAA", { state: "done", ...told });
    await until("all", async () => (await states.read("6-AAAAAAAAAAAAAAAA")) !== undefined);
    await deleteStreams();
    await queue.check();
    await until("the last end", async () => {
      return (await states.read("6-AAAAAAAAAAAAAAAA")) !== undefined;
    });
    expect(await states.read("4-AAAAAAAAAAAAAAAA")).toMatchObject({ state: { state: "dead" } });
    expect(await states.read("5-AAAAAAAAAAAAAAAA")).toBeUndefined();
  });

  test("is unknown of a call that nobody has told of, and of one that is told wrongly", async () => {
    expect(await states.read("9-AAAAAAAAAAAAAAAA")).toBeUndefined();
    await jetstream(connection).publish("faas-state.dev.f.3-AAAAAAAAAAAAAAAA", '{"state":"lost"}');
    expect(await states.read("3-AAAAAAAAAAAAAAAA")).toBeUndefined();
  });
});
