/** A store document of somebody else's, over TLS: when it is asked for, and what is taken. */
import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import { RemoteStore } from "../../../../services/gateway/system/remote-store.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { Authority } from "../../../support/authority.ts";
import { moveClock } from "../../../support/clock.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";
import { until } from "../../../support/until.ts";

const MINUTE = 60_000;

const authority = new Authority();
let server: Server;
let port: number;
/** What the source answers. */
let handle: RequestListener;
/** Paths that it was asked for. */
let asked: string[];
let log: KeptLog;
let store: RemoteStore;

const toDocument = (image: string, changes: object = {}): string =>
  JSON.stringify({
    version: "0.2.0",
    functions: [{ name: "f", title: "F", description: "", images: { x86_64: image }, ...changes }],
  });

const answer =
  (body: string, status = 200): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { location: "/elsewhere" }).end(body);

/** The image of the one function, or the failure in short. */
async function read(): Promise<string> {
  const outcome = await store.read();
  if ("failure" in outcome) {
    const { status, code, message } = outcome.failure;
    return `${status} ${code} ${message}`;
  }
  const { functions } = JSON.parse(outcome.body.toString()) as {
    functions: { images: { x86_64: string } }[];
  };
  return functions[0]?.images.x86_64 ?? "";
}

function open(options: Partial<ConstructorParameters<typeof RemoteStore>[0]> = {}): void {
  store = new RemoteStore({
    url: new URL(`https://127.0.0.1:${port}/store.json`),
    logger: log.logger,
    tls: { ca: authority.certificate },
    // However busy the machine is.
    timeoutMs: MINUTE,
    ...options,
  });
}

beforeAll(async () => {
  server = createServer(authority.issue(["127.0.0.1"]), (request, response) => {
    asked.push(request.url ?? "");
    handle(request, response);
  });
  // A connection that is closed while it is used again would be no answer.
  server.keepAliveTimeout = MINUTE;
  port = await listen(server, 0, "127.0.0.1");
});

beforeEach(() => {
  asked = [];
  log = createKeptLog();
  handle = answer(toDocument("first:1"));
  open();
});

afterEach(() => store.close());

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const FAILED = "502 PLONK_STORE_FAILED store: expected a store document from its source, got";
const AWAY = "503 PLONK_STORE_UNAVAILABLE store: its source does not answer";

describe("a document", () => {
  test("is asked for by the first who wants it, and once for all who wait", async () => {
    expect(asked).toEqual([]);
    expect(await Promise.all([read(), read(), read()])).toEqual(["first:1", "first:1", "first:1"]);
    expect(asked).toEqual(["/store.json"]);
  });

  test("is asked for again after five minutes", async () => {
    await read();
    handle = answer(toDocument("second:1"));
    moveClock(4.9 * MINUTE);
    expect([await read(), asked.length]).toEqual(["first:1", 1]);
    moveClock(0.2 * MINUTE);
    expect([await read(), asked.length]).toEqual(["second:1", 2]);
  });

  test("stays in use while its source fails, which is asked again twice a minute", async () => {
    await read();
    handle = answer("", 500);
    moveClock(6 * MINUTE);
    expect([await read(), await read(), asked.length]).toEqual(["first:1", "first:1", 2]);
    expect(log.text()).toContain("no store document from its source");
    expect(log.text()).toContain("status 500");
    handle = answer(toDocument("second:1"));
    moveClock(MINUTE / 2 + 1);
    expect([await read(), asked.length]).toEqual(["second:1", 3]);
  });
});

describe("a source", () => {
  test.each([
    ["404", answer("", 404), "status 404"],
    ["that leads elsewhere", answer("", 302), "status 302"],
    ["without JSON", answer("<html>"), "no JSON"],
    [
      "of something else",
      answer("[]"),
      "one that is not valid: document: expected a store document, got an array",
    ],
    [
      "of an older schema",
      answer('{"version":"0.1.0","functions":[]}'),
      'one that is not valid: version: expected a version such as 0.2.0, got "0.1.0"',
    ],
    [
      "with a function that cannot be deployed",
      answer(toDocument("a b")),
      'one that is not valid: functions[0].images.x86_64: expected an image reference without blanks, at most 1024 characters, got "a b"',
    ],
    [
      "of more than a mebibyte",
      answer(toDocument("a", { description: "x".repeat(1024 * 1024) })),
      "more than 1048576 bytes",
    ],
  ])("%s is told by what it gave", async (_, listener, got) => {
    handle = listener;
    expect([await read(), await read()]).toEqual([`${FAILED} ${got}`, `${FAILED} ${got}`]);
    expect(asked).toEqual(["/store.json"]);
  });

  test("is asked again half a minute after it has failed", async () => {
    handle = answer("", 404);
    await read();
    handle = answer(toDocument("second:1"));
    moveClock(MINUTE / 2 + 1);
    expect([await read(), asked.length]).toEqual(["second:1", 2]);
  });

  test("whose certificate nobody vouches for is away, and its address is in the log alone", async () => {
    await store.close();
    open({ tls: {} });
    expect([await read(), asked]).toEqual([AWAY, []]);
    expect(log.text()).toContain(`https://127.0.0.1:${port}/store.json`);
  });

  test("that does not end its answer in time is away", async () => {
    await store.close();
    open({ timeoutMs: 200 });
    const late = new AbortController();
    const limit = jest.spyOn(AbortSignal, "timeout").mockReturnValue(late.signal);
    handle = (_request, response) => response.writeHead(200).write('{"version":');
    const reading = read();
    await until("the question", () => asked.length === 1);
    late.abort(new DOMException("its time is over", "TimeoutError"));
    expect([await reading, asked]).toEqual([AWAY, ["/store.json"]]);
    expect(limit.mock.calls).toEqual([[200]]);
    limit.mockRestore();
  });
});

test("a store that closes lets go of a source that hangs", async () => {
  let isLetGo = false;
  handle = (request) => request.socket.once("close", () => (isLetGo = true));
  const reading = read();
  await until("the question", () => asked.length === 1);
  await store.close();
  expect(await reading).toBe(AWAY);
  await until("the end of the connection", () => isLetGo);
});
