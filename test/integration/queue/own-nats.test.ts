/** The platform's own NATS: who may do what, by a real server with its configuration. */
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createConnection } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection, nkeyAuthenticator, nkeys } from "@nats-io/transport-node";
import { NATS_SERVICES, type NatsService } from "../../../contract/queue/index.ts";
import { readMessages } from "../../../services/gateway/calls/stream-reader.ts";
import { createRegistry } from "../../../services/lib/metrics.ts";
import { NatsConnector } from "../../../services/lib/nats.ts";
import { BodyStore } from "../../../services/lib/queue/body-store.ts";
import { createWorker } from "../../../services/queue-worker/app.ts";
import { readConfig } from "../../../services/queue-worker/config.ts";
import { Authority } from "../../support/authority.ts";
import { CallbackReceiver } from "../../support/callback-receiver.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { echo, TestGateway } from "../../support/gateway.ts";
import { writeLoginFiles } from "../../support/login-files.ts";
import { createKeptLog } from "../../support/logs.ts";
import { OwnNats } from "../../support/own-nats.ts";
import { until } from "../../support/until.ts";

const onTestEnd = collectCleanups(afterEach);

const STREAM = "OF_faas-request";
const CONFIG = {
  name: STREAM,
  subjects: ["faas-request", "faas-request.*.*"] as string[],
  retention: "workqueue",
  storage: "file",
} as const;
const LANE = "faas-request.openfaas-fn.f";

let nats: OwnNats;

beforeAll(async () => {
  nats = await OwnNats.start();
});

afterAll(() => nats.destroy());

async function login(service: NatsService, inboxPrefix?: string): Promise<NatsConnection> {
  const connection = await nats.connect(service, inboxPrefix);
  onTestEnd(() => connection.close());
  return connection;
}

/** What the server says to a publish or a subscription; undefined: it takes it. */
async function refusalOf(
  connection: NatsConnection,
  act: (on: NatsConnection) => unknown,
): Promise<string | undefined> {
  let refusal: string | undefined;
  const status = connection.status();
  void (async () => {
    for await (const event of status) {
      if (event.type === "error") {
        refusal = event.error.message;
      }
    }
  })();
  act(connection);
  await connection.flush();
  await connection.flush();
  return refusal;
}

const listenTo = (subject: string) => (on: NatsConnection) =>
  on.subscribe(subject, { callback: () => undefined });

describe("the gateway and the queue-worker", () => {
  test("do what a call takes: it is stored, pulled and acknowledged", async () => {
    const [gateway, worker] = await Promise.all(NATS_SERVICES.map((service) => login(service)));
    if (gateway === undefined || worker === undefined) {
      throw new Error("expected two connections");
    }
    const streams = (await jetstreamManager(gateway)).streams;
    await streams.add(CONFIG);
    const { stream } = await jetstream(gateway).publish(LANE, "a call", { msgID: "1" });
    expect(stream).toBe(STREAM);

    const { consumers } = await jetstreamManager(worker);
    await consumers.add(STREAM, {
      durable_name: "faas-workers_openfaas-fn_f",
      ack_policy: "explicit",
      filter_subject: LANE,
    });
    const consumer = await jetstream(worker).consumers.get(STREAM, "faas-workers_openfaas-fn_f");
    const message = await consumer.next({ expires: 60_000 });
    expect(message?.string()).toBe("a call");
    expect(await message?.ackAck()).toBe(true);
    expect((await streams.info(STREAM)).state.messages).toBe(0);
    await jetstream(gateway).publish(LANE, "another");
    expect(await streams.purge(STREAM, { filter: LANE })).toMatchObject({ purged: 1 });
  });

  test("see many messages at once, and leave nothing behind", async () => {
    const connection = await login("gateway");
    const [client, manager] = [jetstream(connection), await jetstreamManager(connection)];
    const stream = "OF_faas-request-dead";
    await manager.streams.add({ name: stream, subjects: ["faas-dead.*.*"] });
    for (const name of ["f", "g", "f"]) {
      await client.publish(`faas-dead.openfaas-fn.${name}`, "a letter");
    }
    for (const subjects of [["faas-dead.*.f"], ["faas-dead.*.f", "faas-dead._._"]]) {
      const found = await readMessages({ client, manager }, { stream, subjects, from: 1 }, 10);
      expect(found.map(({ sequence, bytes }) => [sequence, bytes])).toEqual([
        [1, 8],
        [3, 8],
      ]);
    }
    expect(await manager.consumers.list(stream).next()).toEqual([]);
    expect(await manager.streams.deleteMessage(stream, 1)).toBe(true);
  });

  // The one stores bodies of calls, the other one those of answers.
  test.each(NATS_SERVICES)("keep a large body, and read and delete it: %s", async (service) => {
    const connection = await login(service);
    const bodies = await BodyStore.open(jetstream(connection), connection.info?.max_payload);
    const body = Buffer.alloc(300 * 1024, service);
    const stored = await bodies.write(`of-${service}`, Readable.from([body]));
    expect(await buffer(bodies.read(stored))).toEqual(body);
    await bodies.delete(stored);
    await expect(buffer(bodies.read(stored))).rejects.toThrow("its body is gone");
  });

  test("tell each other what is new", async () => {
    const [gateway, worker] = [await login("gateway"), await login("queue-worker")];
    const heard: string[] = [];
    for (const subject of ["faas-hint.>", "faas-cancel.>"]) {
      worker.subscribe(subject, { callback: (_, { subject: told }) => void heard.push(told) });
    }
    await worker.flush();
    gateway.subscribe("faas-load.>", { callback: (_, { subject: told }) => void heard.push(told) });
    await gateway.flush();
    worker.publish("faas-load.1");
    await worker.flush();
    await until("the gateway to hear", () => heard.length === 1);
    expect(heard.splice(0)).toEqual(["faas-load.1"]);
    gateway.publish("faas-hint.openfaas-fn.f");
    gateway.publish("faas-cancel.1-abc");
    await until("both", () => heard.length === 2);
    expect(heard).toEqual(["faas-hint.openfaas-fn.f", "faas-cancel.1-abc"]);
  });
});

describe("neither", () => {
  test.each<[NatsService, string]>([
    ["gateway", "faas-request.>"],
    ["gateway", "_INBOX_queue-worker.>"],
    ["gateway", "_INBOX.>"],
    ["gateway", ">"],
    ["queue-worker", "faas-request.>"],
    ["queue-worker", "_INBOX_gateway.>"],
    ["queue-worker", "$JS.API.>"],
    ["queue-worker", ">"],
  ])("hears what is not for it: %s on %s", async (service, subject) => {
    expect(await refusalOf(await login(service), listenTo(subject))).toBe(
      `Permissions Violation for Subscription to "${subject}"`,
    );
  });

  test.each<[NatsService, string]>([
    ["gateway", `$JS.API.STREAM.DELETE.${STREAM}`],
    ["gateway", "$JS.API.STREAM.CREATE.another"],
    ["gateway", `$JS.API.CONSUMER.CREATE.${STREAM}.mine`],
    ["gateway", `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.faas-workers`],
    ["gateway", `$JS.ACK.${STREAM}.faas-workers.1.1.1.1.0`],
    ["gateway", "_INBOX_queue-worker.abc"],
    ["gateway", "faas-result.openfaas-fn.f.1-abcdefghijklmnop"],
    ["gateway", "$JS.API.CONSUMER.CREATE.OF_faas-request-results.mine"],
    ["gateway", "$JS.API.STREAM.PURGE.OF_faas-request-results"],
    ["queue-worker", `$JS.API.STREAM.DELETE.${STREAM}`],
    ["queue-worker", `$JS.API.STREAM.PURGE.${STREAM}`],
    ["queue-worker", `$JS.API.STREAM.MSG.DELETE.${STREAM}`],
    ["queue-worker", "$JS.API.CONSUMER.CREATE.OF_faas-request-dead.mine"],
    ["queue-worker", "$O.another.C.abc"],
    ["queue-worker", "$JS.API.STREAM.MSG.GET.OF_faas-request-results"],
    ["queue-worker", "$JS.API.CONSUMER.CREATE.OF_faas-request-results.mine"],
    ["queue-worker", "faas-cancel.1-abc"],
    ["queue-worker", "faas-request"],
    ["queue-worker", "_INBOX_gateway.abc"],
  ])("says what is not its to say: %s on %s", async (service, subject) => {
    const refusal = await refusalOf(await login(service), (on) => on.publish(subject, "{}"));
    expect(refusal).toBe(`Permissions Violation for Publish to "${subject}"`);
  });
});

describe("a stranger", () => {
  test.each<[string, object, string]>([
    ["without a key", {}, "Authorization Violation"],
    [
      "with a key of its own",
      { authenticator: nkeyAuthenticator(nkeys.createUser().getSeed()) },
      "Authorization Violation",
    ],
    ["with a password", { user: "gateway", pass: "" }, "Authorization Violation"],
  ])("%s is refused", async (_, login, message) => {
    const servers = `127.0.0.1:${nats.server.port}`;
    const connecting = connect({ servers, reconnect: false, tls: nats.trust(), ...login });
    await expect(connecting).rejects.toThrow(message);
  });

  test("without TLS is cut off before it says who it is", async () => {
    const socket = createConnection(nats.server.port, "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.write('CONNECT {"verbose":true}\r\nSUB > 1\r\nPING\r\n');
    await once(socket, "close");
    const [info, ...rest] = Buffer.concat(chunks).toString().split("\r\n");
    expect(info).toMatch(/^INFO .*"tls_required":true/);
    expect(rest.filter((line) => /^(PONG|MSG|\+OK)/.test(line))).toEqual([]);
  });
});

describe("the certificate", () => {
  test("is for the names of the Service, of ten years, and by the authority alone", () => {
    const leaf = new X509Certificate(nats.identity["tls.crt"] ?? "");
    const authority = new X509Certificate(nats.identity["ca.crt"] ?? "");
    expect(leaf.subjectAltName).toBe(
      "DNS:nats, DNS:nats.openfaas, DNS:nats.openfaas.svc, DNS:nats.openfaas.svc.cluster.local",
    );
    expect([leaf.ca, authority.ca]).toEqual([false, true]);
    expect(leaf.verify(authority.publicKey)).toBe(true);
    expect(leaf.checkIssued(authority)).toBe(true);
    const years = (Date.parse(leaf.validTo) - Date.now()) / (365.25 * 24 * 3600 * 1000);
    expect(Math.round(years)).toBe(10);
    expect(leaf.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
  });

  test("is not taken for another server's", async () => {
    const { ca } = nats.trust();
    const servers = `127.0.0.1:${nats.server.port}`;
    const tls = { ca, host: "nats.elsewhere" };
    await expect(connect({ servers, reconnect: false, tls })).rejects.toThrow(
      "nats.elsewhere. is not in the cert's altnames",
    );
  });
});

describe("with its files", () => {
  let own: OwnNats;
  let authority: Authority;

  beforeAll(async () => {
    authority = new Authority();
    own = await OwnNats.start(authority.issue(["127.0.0.1"]));
  });

  afterAll(() => own.destroy());

  /** Where a service finds its login. */
  function toLogin(service: NatsService): { nats_url: string; nats_secret_path: string } {
    const seed = own.identity[`${service}.seed`] ?? "";
    const texts = { seed, ca: authority.certificate };
    return {
      nats_url: `tls://127.0.0.1:${own.server.port}`,
      nats_secret_path: writeLoginFiles(join(own.server.directory, service), texts),
    };
  }

  test("each service logs in, and is answered in its own inbox", async () => {
    for (const service of NATS_SERVICES) {
      const { nats_url: url, nats_secret_path: secretPath } = toLogin(service);
      const link = new NatsConnector({
        ...{ url, secretPath },
        clientName: `plonk-${service}`,
        logger: createKeptLog().logger,
        registry: createRegistry(),
        reconnectMetric: "reconnect_total",
      });
      onTestEnd(() => link.close());
      const manager = await jetstreamManager(await link.connection());
      expect(await manager.getAccountInfo()).toMatchObject({ streams: 0 });
    }
  });

  test.each([
    ["small", 5],
    ["large", 300 * 1024],
  ])("a %s call goes all the way, to its callback and to its result", async (_size, bytes) => {
    const receiver = await CallbackReceiver.start("127.0.0.1");
    onTestEnd(() => receiver.close());
    const callbacks = { callback_allow: "127.0.0.0/8" };
    const gateway = await TestGateway.start({ ...toLogin("gateway"), ...callbacks });
    onTestEnd(() => gateway.stop());
    await gateway.serve("f", echo);
    const worker = createWorker({
      config: readConfig({
        ...toLogin("queue-worker"),
        ...callbacks,
        faas_gateway_address: "127.0.0.1",
        faas_gateway_port: new URL(gateway.url).port,
      }),
      logger: createKeptLog().logger,
    });
    onTestEnd(() => worker.close());
    worker.start();
    const call = async (): Promise<Response> =>
      fetch(`${gateway.url}/async-function/f`, {
        method: "POST",
        headers: { "x-keep-result-seconds": "60", "x-callback-url": receiver.url },
        body: "x".repeat(bytes),
      });
    let accepted = await call();
    await until("the call to be taken", async () => {
      accepted = accepted.status === 202 ? accepted : await call();
      return accepted.status === 202;
    });
    const read = (): Promise<Response> =>
      fetch(`${gateway.url}${accepted.headers.get("location") ?? ""}/result`);
    await until("the result", async () => (await read()).headers.has("x-function-status"));
    const result = await read();
    await until("the callback", () => receiver.received.length > 0);
    const sent = receiver.received[0]?.body;
    expect([result.headers.has("x-plonk-truncated"), await result.text()]).toEqual([false, sent]);
    expect(sent?.length).toBeGreaterThan(bytes);
  });
});
