/** What ends or forbids a callback: the host, the time, the length of the answer. */
import { createServer as createTcpServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { AddressPolicy } from "../../../services/lib/address-policy.ts";
import { listen } from "../../../services/lib/servers.ts";
import {
  type CallbackResult,
  CallbackSender,
} from "../../../services/queue-worker/callback-sender.ts";
import { answerInTurn, createCallbackSet, only, toCallback } from "../../support/callback-set.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { fakeOnly } from "../../support/clock.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterEach);
const { receive, createSender } = createCallbackSet(atEnd);

describe("refused, and nothing connects:", () => {
  test.each<[host: string, got: string]>([
    ["127.0.0.1", "the loopback address 127.0.0.1"],
    ["2130706433", "the loopback address 127.0.0.1"],
    ["0x7f.1", "the loopback address 127.0.0.1"],
    ["0", "the unspecified address 0.0.0.0"],
    ["[::ffff:127.0.0.1]", "the loopback address ::ffff:7f00:1"],
    ["localhost", 'the local name "localhost"'],
    ["LOCALHOST.", 'the local name "localhost"'],
    ["user:secret@127.0.0.1", "a URL with credentials"],
    ["user:secret@example.com", "a URL with credentials"],
  ])("%s", async (host, refused) => {
    const { port, connections } = await receive();
    const sender = createSender({ allow: [] });
    expect(await sender.send(toCallback(`http://${host}:${port}/p?key=canary`))).toEqual({
      refused,
    });
    expect(connections).toEqual([]);
  });

  test("credentials, also for hosts that are allowed", async () => {
    const { port, connections } = await receive();
    const sender = createSender({ allow: ["127.0.0.0/8", "*.example.com"] });
    for (const host of ["127.0.0.1", "a.example.com"]) {
      const result = await sender.send(toCallback(`http://user:canary@${host}:${port}/`));
      expect(result).toEqual({ refused: "a URL with credentials" });
    }
    expect(connections).toEqual([]);
  });

  test.each([
    ["a name of loopback", [["127.0.0.1"]]],
    ["a name with one refused address among others, first", [["127.0.0.1", "8.8.8.8"]]],
    ["a name with one refused address among others, last", [["8.8.8.8", "127.0.0.1"]]],
  ])("%s", async (_what, answers) => {
    const { port, connections } = await receive();
    const { resolver } = answerInTurn(...answers);
    const sender = createSender({ allow: [], resolver });
    const result = await sender.send(toCallback(`http://hook.example.com:${port}/p?key=canary`));
    const refused = "hook.example.com, which is the loopback address 127.0.0.1";
    expect(result).toEqual({ refused });
    expect(connections).toEqual([]);
  });

  // 127.0.0.1 stands for a public address, 127.0.0.2 for one that only this machine reaches.
  test("a name that leads elsewhere the next time (rebinding)", async () => {
    const { port, addresses } = await receive(
      (_request, response) => response.writeHead(200, { connection: "close" }).end(),
      { host: "0.0.0.0" },
    );
    const { resolver, asked } = answerInTurn(["127.0.0.1"], ["127.0.0.2"]);
    const sender = createSender({ allow: ["127.0.0.1"], resolver });
    const callback = toCallback(`http://hook.example.com:${port}/`);
    expect(await sender.send(callback)).toEqual({ status: 200 });
    expect([asked, addresses]).toEqual([["hook.example.com"], ["127.0.0.1"]]);
    const refused = "hook.example.com, which is the loopback address 127.0.0.2";
    expect(await sender.send(callback)).toEqual({ refused });
    expect([asked.length, addresses]).toEqual([2, ["127.0.0.1"]]);
  });
});

test("who connects asks the policy once more, also about literal addresses", async () => {
  class Careless extends AddressPolicy {
    override checkUrl(): undefined {
      return undefined;
    }
  }
  const { port, connections } = await receive();
  const sender = new CallbackSender({ policy: new Careless([]) });
  atEnd(() => sender.close());
  const refused = "the loopback address 127.0.0.1";
  expect(await sender.send(toCallback(`http://127.0.0.1:${port}/`))).toEqual({ refused });
  expect(await sender.send(toCallback(`https://127.0.0.1:${port}/`))).toEqual({ refused });
  expect(connections).toEqual([]);
});

test("a name that is allowed may lead anywhere, and its Host header is the name", async () => {
  const { port, seen } = await receive();
  const { resolver } = answerInTurn(["127.0.0.1"]);
  const sender = createSender({ allow: ["*.svc"], resolver });
  expect(await sender.send(toCallback(`http://a.b.svc:${port}/`))).toEqual({ status: 200 });
  expect(only(seen).request.headers.host).toBe(`a.b.svc:${port}`);
});

interface Dripping {
  port: number;
  sockets: Socket[];
  /** How often something was written since a callback came. */
  drops: () => number;
}

/** Writes the head at once and the rest again and again, until the other side has enough. */
async function drip(head: string, rest: string): Promise<Dripping> {
  const sockets: Socket[] = [];
  let [drops, hasCome] = [0, false];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined).on("data", () => (hasCome = true));
    socket.write(head);
    const timer = setInterval(() => {
      socket.write(rest);
      drops += hasCome ? 1 : 0;
    }, 10);
    socket.on("close", () => clearInterval(timer));
  });
  atEnd(() => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  });
  return { port: await listen(server, 0, "127.0.0.1"), sockets, drops: () => drops };
}

async function untilEnd({ sockets }: Dripping): Promise<void> {
  const hasEnded = (): boolean => sockets.length > 0 && only(sockets).destroyed;
  await until("the end of the connection", hasEnded);
}

test("the connection has a limit of time of its own", async () => {
  const dripping = await drip("", "");
  const sender = createSender({ connectTimeoutMs: 100 });
  const result = await sender.send(toCallback(`https://127.0.0.1:${dripping.port}/`));
  expect(result).toEqual({ failed: "no answer: UND_ERR_CONNECT_TIMEOUT" });
  await untilEnd(dripping);
});

describe("the limit of time ends", () => {
  const totalTimeoutMs = 150;
  const late = { failed: "no answer within 150 ms" };

  // The time is over when a test says so: what comes before it has come then.
  beforeEach(() => fakeOnly("setTimeout", "clearTimeout"));

  afterEach(() => {
    jest.useRealTimers();
  });

  /** Sends a callback whose time is over when some of the answer has been read. */
  async function sendTo({ port, drops }: Dripping): Promise<CallbackResult> {
    const sender = createSender({ totalTimeoutMs });
    const sending = sender.send(toCallback(`http://127.0.0.1:${port}/?key=canary`));
    await until("some drops", () => drops() > 5);
    jest.advanceTimersByTime(totalTimeoutMs);
    return await sending;
  }

  test.each<[what: string, head: string, rest: string]>([
    ["says nothing", "", ""],
    ["drips its head", "HTTP/1.1 200 OK\r\nx-a: ", "a"],
    ["goes on without a word", "", "HTTP/1.1 103 Early Hints\r\n\r\n"],
  ])("a receiver that %s, and its connection", async (_what, head, rest) => {
    const dripping = await drip(head, rest);
    expect(await sendTo(dripping)).toEqual(late);
    await untilEnd(dripping);
  });

  test.each<[head: string, rest: string, expected: CallbackResult]>([
    ["202 Accepted\r\ncontent-length: 10000", "a", { status: 202 }],
    ["200 OK", "a", { status: 200 }],
    [
      "503 No\r\nretry-after: 9\r\ntransfer-encoding: chunked",
      "1\r\na\r\n",
      { status: 503, retryAfter: "9" },
    ],
  ])("an answer that drips, whose status stands: %j, %j", async (head, rest, expected) => {
    const dripping = await drip(`HTTP/1.1 ${head}\r\n\r\n`, rest);
    expect(await sendTo(dripping)).toEqual(expected);
    await untilEnd(dripping);
  });

  test("name servers that never answer", async () => {
    const asked = Promise.withResolvers<string>();
    const resolver = async (hostname: string): Promise<never> => {
      asked.resolve(hostname);
      return await new Promise(() => undefined);
    };
    const sender = createSender({ totalTimeoutMs, connectTimeoutMs: 300, resolver });
    const sending = sender.send(toCallback("http://hook.example.com/?key=canary"));
    expect(await asked.promise).toBe("hook.example.com");
    jest.advanceTimersByTime(totalTimeoutMs);
    expect(await sending).toEqual(late);
  });
});

test("an answer that is too long is broken off, and its status stands", async () => {
  const { port, connections } = await receive((_request, response) => {
    response.writeHead(200).write(Buffer.alloc(1024 * 1024));
  });
  const sender = createSender({ maxAnswerBytes: 1000 });
  expect(await sender.send(toCallback(`http://127.0.0.1:${port}/`))).toEqual({ status: 200 });
  await until("the end of the connection", () => only(connections).destroyed);
});
