/** Which side of the gateway answers a request, and which connections are closed after it. */
import { createServer, type IncomingMessage, type Server } from "node:http";
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
import type { AsyncPublisher } from "../../../services/gateway/calls/async-publisher.ts";
import { CallClock } from "../../../services/gateway/calls/call-clock.ts";
import type { FunctionState } from "../../../services/gateway/calls/function-states.ts";
import { readConfig } from "../../../services/gateway/config.ts";
import { failures } from "../../../services/gateway/errors.ts";
import { createFrontServer, type FrontContext } from "../../../services/gateway/front-server.ts";
import { watchRawRequests } from "../../../services/gateway/http/guard/index.ts";
import { listen } from "../../../services/lib/servers.ts";
import { RawConnection } from "../../support/http-client.ts";
import { createKeptLog } from "../../support/logs.ts";
import { stopServer } from "../../support/network.ts";
import { until } from "../../support/until.ts";

const log = createKeptLog();
const ID = "7-AAAAAAAAAAAAAAAA";
const QUEUE = {} as unknown as AsyncPublisher;
const open: RawConnection[] = [];
let server: Server;
let url: string;
let context: { -readonly [Part in keyof FrontContext]: FrontContext[Part] };
let isStopping: boolean;
/** Names of functions, and what was asked of the side that is no call. */
let functions: string[];
let asked: string[];
let answer: (request: IncomingMessage) => string;

beforeAll(async () => {
  const parts = {
    states: {
      find: (name: string) => (functions.includes(name) ? ({} as FunctionState) : undefined),
      explain: (name: string) => failures.functionNotFound(name),
    },
    queue: QUEUE,
    queueMetrics: { refused: () => undefined },
    clock: new CallClock(),
    readTimeoutMs: 0,
    logger: log.logger,
    health: {
      get isStopping() {
        return isStopping;
      },
    },
  };
  context = parts as unknown as FrontContext;
  server = createFrontServer(readConfig({}), context, (request, response) => {
    asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
    response.end(answer(request));
  });
  url = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
});

beforeEach(() => {
  context.queue = QUEUE;
  isStopping = false;
  functions = [];
  asked = [];
  answer = () => "system";
});

afterEach(() => {
  open.splice(0).forEach((connection) => connection.close());
});

afterAll(() => stopServer(server));

describe("a fault of ours in an event of the server", () => {
  const fail = (): never => {
    throw new TypeError("a fault of ours");
  };
  const toSocket = (parts: object = {}): { destroy: jest.Mock } =>
    ({ destroy: jest.fn(), on: fail, once: fail, end: fail, ...parts }) as never;

  test.each(["checkExpectation", "checkContinue", "request"])(
    "%s ends the connection where it cannot be answered",
    (event) => {
      const socket = toSocket();
      const request = { socket, headers: {}, rawHeaders: [], url: "/", complete: true };
      const response = { headersSent: false, destroyed: false, writeHead: fail };
      server.emit(event, request, response);
      expect(socket.destroy).toHaveBeenCalled();
    },
  );

  test("the question whether the protocol changes ends the connection", () => {
    const socket = toSocket();
    const request = Object.defineProperty({ socket }, "method", { get: fail });
    const mayUpgrade = Reflect.get(server, "shouldUpgradeCallback") as (
      request: unknown,
    ) => boolean;
    expect([mayUpgrade(request), socket.destroy.mock.calls.length]).toEqual([false, 1]);
  });

  test("connect, upgrade and a new connection end the connection", async () => {
    const sockets = [toSocket(), toSocket(), toSocket({ parser: {} })] as const;
    server.emit("connect", { socket: sockets[0] });
    server.emit("upgrade", { url: "/", headers: {} }, sockets[1], Buffer.alloc(0));
    const bare = createServer();
    watchRawRequests(bare);
    bare.removeListener("connection", bare.listeners("connection")[0] as () => void);
    bare.emit("connection", sockets[2]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(sockets.map(({ destroy }) => destroy.mock.calls.length)).toEqual([1, 1, 1]);
  });
});

/** Sends a head, with an empty body, and waits for the whole first answer. */
async function send(line: string, ...headers: string[]): Promise<RawConnection> {
  const connection = new RawConnection(url);
  open.push(connection);
  connection.write(`${line} HTTP/1.1`, "Host: gateway", ...headers, "", "");
  await connection.waitFor("\r\n\r\n");
  return connection;
}

const statusOf = ({ text }: RawConnection): number => Number(text.slice(9, 12));
const codeOf = ({ text }: RawConnection): string | undefined =>
  /^X-Plonk-Code: (\S+)/im.exec(text)?.[1];

/** Whether another request on the same connection is answered. */
async function isKept(connection: RawConnection): Promise<boolean> {
  const before = connection.text.length;
  connection.write("GET /again HTTP/1.1", "Host: gateway", "", "");
  await until("an answer or the end", () => {
    return connection.isEnded || connection.text.includes("HTTP/1.1 ", before);
  });
  return !connection.isEnded;
}

describe("a request", () => {
  test.each([
    ["GET /system/functions", "GET /system/functions"],
    ["GET /", "GET /"],
    ["POST /functions/f", "POST /functions/f"],
    ["GET /function", "GET /function"],
    ["GET /FUNCTION/f", "GET /FUNCTION/f"],
    ["GET /async/calls?a=/../b", "GET /async/calls?a=/../b"],
    ["GET http://gateway/system/info?x=1", "GET /system/info?x=1"],
    ["GET http://gateway", "GET /"],
  ])("of %s is the system's: %s", async (line, seen) => {
    expect((await send(line)).text).toMatch(/\r\n\r\nsystem$/);
    expect(asked).toEqual([seen]);
  });

  test.each([
    ["GET /function/f", "PLONK_FUNCTION_NOT_FOUND"],
    ["POST /async-function/f", "PLONK_FUNCTION_NOT_FOUND"],
    ["GET http://gateway/function/f/p", "PLONK_FUNCTION_NOT_FOUND"],
    ["GET /function/", undefined],
    ["GET /function/f%20", undefined],
  ])("of %s is a call's, and never the system's", async (line, code) => {
    const connection = await send(line, "Content-Length: 0");
    expect([statusOf(connection), codeOf(connection), asked]).toEqual([404, code, []]);
  });

  test.each([
    ["/system//functions", "/system/functions"],
    ["/system/./functions?a=b//c", "/system/functions?a=b//c"],
    ["/function/../system", "/system"],
    ["/function/f/%2e%2e/g", "/function/g"],
    ["//", "/"],
  ])("of %s is led to %s, by whoever would answer there", async (path, clean) => {
    const connection = await send(`GET ${path}`);
    expect(statusOf(connection)).toBe(301);
    expect(connection.text).toContain(`location: ${clean}\r\n`);
    expect(asked).toEqual([]);
    expect(await isKept(connection)).toBe(true);
  });

  test.each(["/..", "/system/../..", "/function/f/..%2f..%2f..", "/%2e%2e/x"])(
    "that leads above the root, %s, is refused, and nothing after it is answered",
    async (path) => {
      const connection = new RawConnection(url);
      open.push(connection);
      const next = ["GET /again HTTP/1.1", "Host: gateway", "", ""];
      connection.write(`GET ${path} HTTP/1.1`, "Host: gateway", "", ...next);
      await connection.waitForEnd();
      expect([statusOf(connection), asked]).toEqual([400, []]);
      expect(connection.text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    },
  );
});

describe("DELETE of an asynchronous call's path", () => {
  test("cancels by OpenFaaS Pro's path, where the id is that of a call", async () => {
    await send(`DELETE /async-function/${ID}`);
    expect(asked).toEqual([`DELETE /async-function/${ID}`]);
  });

  test.each<[string, () => void, string]>([
    ["another method has it", () => undefined, `POST /async-function/${ID}`],
    ["a path follows", () => undefined, `DELETE /async-function/${ID}/p`],
    ["it is no id", () => undefined, "DELETE /async-function/f"],
    ["there is no queue", () => (context.queue = undefined), `DELETE /async-function/${ID}`],
  ])("is a call where %s", async (_what, prepare, line) => {
    prepare();
    expect(statusOf(await send(line, "Content-Length: 0"))).toBe(404);
    expect(asked).toEqual([]);
  });
});

test("a function whose name is that of a call's id is called, and nothing is cancelled", async () => {
  functions = [ID];
  await send(`DELETE /async-function/${ID}`, "Content-Length: 0");
  expect(asked).toEqual([]);
});

describe("a connection", () => {
  test("goes on after an answer", async () => {
    expect(await isKept(await send("GET /a"))).toBe(true);
    expect(asked).toEqual(["GET /a", "GET /again"]);
  });

  test("of a gateway that stops ends with its answer, so that the next goes to another", async () => {
    isStopping = true;
    const connection = await send("GET /a");
    await connection.waitForEnd();
    expect(connection.text).toMatch(/^Connection: close\r$/im);
  });

  test("ends after an upgrade that is none: what follows could be of another protocol", async () => {
    const connection = await send("GET /a", "Connection: Upgrade", "Upgrade: h2c");
    await connection.waitForEnd();
    expect([statusOf(connection), asked]).toEqual([200, ["GET /a"]]);
  });

  test("ends after TRACE, whose answer shows nothing of the request", async () => {
    const connection = await send("TRACE /function/f", "X-Secret: canary");
    await connection.waitForEnd();
    expect(statusOf(connection)).toBe(405);
    expect(connection.text).not.toContain("canary");
  });

  test("is no tunnel", async () => {
    const connection = await send("CONNECT a.example:443");
    await connection.waitForEnd();
    expect([statusOf(connection), asked]).toEqual([405, []]);
  });
});

describe("a body", () => {
  test("is invited where it is expected, and not with another expectation", async () => {
    const connection = await send("POST /a", "Content-Length: 2", "Expect: 100-continue");
    expect(statusOf(connection)).toBe(100);
    const refused = await send("POST /a", "Content-Length: 2", "Expect: 200-maybe");
    await refused.waitForEnd();
    expect([statusOf(refused), asked]).toEqual([417, ["POST /a"]]);
  });

  test("in chunks that are none reaches nobody", async () => {
    const connection = new RawConnection(url);
    open.push(connection);
    const head = ["POST /a HTTP/1.1", "Host: gateway", "Transfer-Encoding: chunked"];
    connection.write(...head, "", "2;x", "ab", "fffffffff", "");
    await connection.waitForEnd();
    expect([statusOf(connection), asked]).toEqual([400, []]);
  });
});

test("a fault of the gateway's own is an answer and a line in the log, and not its end", async () => {
  answer = () => {
    throw new Error("a fault of ours");
  };
  const connection = await send("GET /a", "Accept: application/json");
  expect([statusOf(connection), codeOf(connection)]).toEqual([500, "PLONK_INTERNAL"]);
  expect(connection.text).not.toContain("a fault of ours");
  expect(log.text()).toContain("a fault of ours");
  answer = () => "system";
  expect(await isKept(connection)).toBe(true);
});
