/** The page's requests: what they ask the gateway, and what they make of its answers. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import {
  type ApiError,
  getJson,
  request,
  send,
  toError,
} from "../../../../services/gateway/ui/src/api/http.ts";
import { type Call, invoke } from "../../../../services/gateway/ui/src/api/invoke.ts";
import { readLogs } from "../../../../services/gateway/ui/src/api/logs.ts";
import {
  cancelCall,
  listCalls,
  listLetters,
  redriveLetter,
  removeLetter,
} from "../../../../services/gateway/ui/src/api/queue.ts";
import * as system from "../../../../services/gateway/ui/src/api/system.ts";
import type {
  AsyncCall,
  DeadLetterSummary,
  LogMessage,
} from "../../../../services/gateway/ui/src/api/types.ts";

interface Asked {
  what: string;
  body: unknown;
  init: RequestInit;
}

let asked: Asked[];
/** What the gateway does with a request. */
let answer: (asked: Asked) => Response | Promise<Response>;

beforeEach(() => {
  asked = [];
  answer = () => Response.json([]);
  jest.spyOn(globalThis, "fetch").mockImplementation(async (path, init = {}) => {
    const { body } = init;
    const one = {
      what: `${init.method ?? "GET"} ${typeof path === "string" ? path : "?"}`,
      body: typeof body === "string" ? (JSON.parse(body) as unknown) : (body ?? undefined),
      init,
    };
    asked.push(one);
    return Promise.resolve(answer(one));
  });
});

afterEach(() => {
  jest.restoreAllMocks();
});

const whatFor = async (work: () => Promise<unknown>): Promise<string> => {
  asked = [];
  await work();
  return asked.map(({ what }) => what).join(", ");
};

const errorOf = (work: () => Promise<unknown>): Promise<ApiError> =>
  work().then(
    () => Promise.reject(new Error("expected a failure, got none")),
    (error: unknown) => error as ApiError,
  );

const never = new AbortController().signal;

describe("a request", () => {
  test("asks for JSON, so that failures come with their codes", async () => {
    await request("/x", { headers: { "x-a": "1" } });
    const headers = new Headers(asked[0]?.init.headers);
    expect([headers.get("accept"), headers.get("x-a")]).toEqual(["application/json", "1"]);
  });

  test("with a body says that it is JSON", async () => {
    await send("PUT", "/x", { a: 1 });
    expect(asked).toMatchObject([{ what: "PUT /x", body: { a: 1 } }]);
    expect(new Headers(asked[0]?.init.headers).get("content-type")).toBe("application/json");
  });

  test("is given up with its signal, and that is no failure of the gateway", async () => {
    const stop = new AbortController();
    const reason = new Error("stopped");
    answer = ({ init }) => {
      expect(init.signal).toBe(stop.signal);
      stop.abort(reason);
      throw reason;
    };
    expect(await errorOf(() => getJson("/x", stop.signal))).toBe(reason);
  });
});

describe("a failure", () => {
  test.each<[string, Response, [number, string, string]]>([
    [
      "in the gateway's words",
      Response.json({ code: "PLONK_CONFLICT", message: "it is there" }, { status: 409 }),
      [409, "PLONK_CONFLICT", "it is there"],
    ],
    [
      "of a proxy, in text",
      new Response(" Bad gateway\n", { status: 502 }),
      [502, "HTTP_502", "Bad gateway"],
    ],
    [
      "without a word",
      new Response("", { status: 500, statusText: "Internal Server Error" }),
      [500, "HTTP_500", "Internal Server Error"],
    ],
    [
      "in other JSON",
      Response.json({ error: "x" }, { status: 400 }),
      [400, "HTTP_400", '{"error":"x"}'],
    ],
    ["in JSON that is no object", Response.json(5, { status: 400 }), [400, "HTTP_400", "5"]],
    ["in null", Response.json(null, { status: 400 }), [400, "HTTP_400", "null"]],
  ])("%s is shown as it is told", async (_what, response, [status, code, message]) => {
    answer = () => response;
    const error = await errorOf(() => request("/x"));
    expect(error).toMatchObject({ name: "ApiError", status, code, message });
    expect(toError(error)).toBe(error);
  });

  test("without an answer says that there is none", async () => {
    answer = () => Promise.reject(new TypeError("Failed to fetch"));
    expect(await errorOf(() => request("/x"))).toMatchObject({
      status: 0,
      code: "NO_ANSWER",
      message: "The gateway cannot be reached.",
    });
  });

  test.each([
    [new Error("a sentence"), "a sentence"],
    ["a text", "a text"],
    [undefined, "undefined"],
  ])("of the page's own can be shown, too: %p", (thrown, message) => {
    expect(toError(thrown)).toMatchObject({ status: 0, code: "UNEXPECTED", message });
  });
});

describe("what the page asks", () => {
  const reference = { name: "f", namespace: "a&b" };
  const call = { id: "1-a/b" } as AsyncCall;
  const letter = { sequence: 7 } as DeadLetterSummary;

  test.each<[string, () => Promise<unknown>]>([
    ["GET /system/namespaces", () => system.listNamespaces()],
    ["GET /system/functions?namespace=a%26b", () => system.listFunctions("a&b")],
    ["GET /system/function-stats?namespace=a%26b", () => system.listStats("a&b")],
    ["GET /system/secrets?namespace=a%26b", () => system.listSecrets("a&b")],
    ["GET /system/function/f?namespace=a%26b&code=1", () => system.readFunction(reference)],
    ["POST /system/scale-function/f", () => system.scale(reference, 2)],
    ["DELETE /system/functions", () => system.removeFunction(reference)],
    ["POST /system/functions", () => system.deploy({ service: "f", image: "i" }, false)],
    ["PUT /system/functions", () => system.deploy({ service: "f", image: "i" }, true)],
    ["POST /system/secrets", () => system.writeSecret({ ...reference, value: "v" }, false)],
    ["PUT /system/secrets", () => system.writeSecret({ ...reference, value: "v" }, true)],
    ["DELETE /system/secrets", () => system.removeSecret(reference)],
    ["GET /async/calls?namespace=a%26b&state=dead&limit=50", () => listCalls("a&b", "dead")],
    ["GET /async/dead-letters?namespace=a%26b&limit=50", () => listLetters("a&b")],
    ["DELETE /async/calls/1-a%2Fb", () => cancelCall(call)],
    ["POST /async/dead-letters/7/redrive", () => redriveLetter(letter)],
    ["DELETE /async/dead-letters/7", () => removeLetter(letter)],
  ])("is %s", async (what, work) => {
    expect(await whatFor(work)).toBe(what);
  });

  test("names a function in the body where the path does not say its namespace", async () => {
    await system.scale(reference, 0);
    await system.removeFunction(reference);
    expect(asked.map(({ body }) => body)).toEqual([
      { serviceName: "f", namespace: "a&b", replicas: 0 },
      { functionName: "f", namespace: "a&b" },
    ]);
  });
});

describe("numbers of functions", () => {
  test("that cannot be had are none, and no reason to show no functions", async () => {
    answer = () => new Response("", { status: 503 });
    expect(await system.listStats("fn")).toEqual([]);
  });

  test("that nobody waits for any more are no empty answer", async () => {
    const stop = new AbortController();
    answer = () => {
      stop.abort();
      throw new Error("aborted");
    };
    await expect(system.listStats("fn", stop.signal)).rejects.toThrow("aborted");
  });
});

describe("the queue", () => {
  test("that is away is told each time, and one that there is not is asked for once", async () => {
    answer = () => Response.json({ code: "PLONK_QUEUE_UNAVAILABLE" }, { status: 503 });
    await expect(system.readQueue()).rejects.toMatchObject({ status: 503 });
    answer = () => Response.json({ name: "faas-request", pending: 1, inFlight: 0, redelivered: 0 });
    expect(await system.readQueue()).toMatchObject({ pending: 1 });
    answer = () => Response.json({ code: "PLONK_NO_QUEUE" }, { status: 404 });
    expect(await system.readQueue()).toBeUndefined();
    expect(await whatFor(() => system.readQueue())).toBe("");
  });
});

describe("a call of a function", () => {
  const call: Call = {
    name: "f",
    namespace: "fn",
    method: "POST",
    path: "/p?q=1",
    headers: [["X-A", "1"]],
    contentType: "text/plain",
    body: "größe",
    isAsync: false,
    callbackUrl: "http://a.example/",
  };
  const sent = async (changes: Partial<Call>): Promise<Asked> => {
    asked = [];
    answer = () => new Response(null, { status: 204 });
    await invoke({ ...call, ...changes }, never);
    return asked[0] ?? Promise.reject(new Error("expected a request, got none"));
  };

  test("goes without the credentials of the page, and follows nothing", async () => {
    const { what, init } = await sent({});
    expect(what).toBe("POST /function/f.fn/p?q=1");
    expect(init).toMatchObject({ credentials: "omit", redirect: "manual", cache: "no-store" });
    const headers = new Headers(init.headers);
    expect([...headers]).toEqual([
      ["content-type", "text/plain"],
      ["x-a", "1"],
    ]);
  });

  test("has its body in UTF-8, and no type that nobody chose", async () => {
    const { body, init } = await sent({ contentType: "", headers: [] });
    expect(Buffer.from(body as Uint8Array).toString()).toBe("größe");
    expect([...new Headers(init.headers)]).toEqual([]);
  });

  test.each(["GET", "HEAD"])("by %s has no body, whatever was typed before", async (method) => {
    expect((await sent({ method })).body).toBeUndefined();
    expect((await sent({ method: "POST", body: "" })).body).toBeUndefined();
  });

  test("goes to the queue with its callback, which a direct one does not have", async () => {
    const { what, init } = await sent({ isAsync: true });
    expect(what).toBe("POST /async-function/f.fn/p?q=1");
    expect(new Headers(init.headers).get("x-callback-url")).toBe("http://a.example/");
    const none = await sent({ isAsync: true, callbackUrl: "" });
    expect(new Headers(none.init.headers).has("x-callback-url")).toBe(false);
  });

  test("that fails at the function is an answer like any other", async () => {
    answer = () => new Response("no", { status: 500, statusText: "Oops", headers: { "x-b": "2" } });
    const { milliseconds, body, ...rest } = await invoke(call, never);
    expect(rest).toMatchObject({ status: 500, statusText: "Oops" });
    expect(rest.headers).toContainEqual(["x-b", "2"]);
    expect([milliseconds >= 0, Buffer.from(body).toString()]).toEqual([true, "no"]);
  });

  test("without an answer says why", async () => {
    answer = () => Promise.reject(new TypeError("Failed to fetch"));
    expect(await errorOf(() => invoke(call, never))).toMatchObject({
      code: "NO_ANSWER",
      message: "There is no answer: Failed to fetch.",
    });
  });
});

describe("a log", () => {
  const message = (text: string): LogMessage => ({
    ...{ name: "f", namespace: "fn", instance: "f-1", timestamp: "2026-11-21T12:00:00Z" },
    text,
  });
  const lines = (...texts: string[]): string =>
    texts.map((text) => `${JSON.stringify(message(text))}\n`).join("");

  /** What is read of a log that comes in these pieces, piece by piece. */
  async function read(pieces: readonly (string | Uint8Array)[], query = {}): Promise<string[][]> {
    const bytes = pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece));
    answer = () => new Response(ReadableStream.from(bytes));
    const found: string[][] = [];
    let isOpen = false;
    const log = { name: "f", namespace: "fn", tail: 100, ...query };
    for await (const messages of readLogs(log, never, () => (isOpen = true))) {
      expect(isOpen).toBe(true);
      found.push(messages.map(({ text }) => text));
    }
    return found;
  }

  test("is asked for with where to begin, and goes on", async () => {
    await read([]);
    await read([], { instance: "f-1", tail: 0 });
    expect(asked.map(({ what }) => what)).toEqual([
      "GET /system/logs?name=f&namespace=fn&tail=100&follow=true",
      "GET /system/logs?name=f&namespace=fn&tail=0&follow=true&instance=f-1",
    ]);
  });

  test("comes in bursts, each of which is shown at once", async () => {
    expect(await read([lines("a", "b"), lines("c")])).toEqual([["a", "b"], ["c"]]);
  });

  test("is whole wherever it is cut, also in the middle of a letter", async () => {
    const whole = Buffer.from(lines("größe", "🚀 b", ""));
    for (let at = 0; at <= whole.length; at += 1) {
      const found = await read([whole.subarray(0, at), whole.subarray(at)]);
      expect(found.flat()).toEqual(["größe", "🚀 b", ""]);
    }
  });

  test("has no empty lines, and none that is not whole", async () => {
    expect(await read(["\n\n", lines("a"), '{"text":"b'])).toEqual([["a"]]);
  });

  test("of no function is a failure before anything is open", async () => {
    answer = () => Response.json({ code: "PLONK_FUNCTION_NOT_FOUND" }, { status: 404 });
    let isOpen = false;
    const log = readLogs({ name: "f", namespace: "fn", tail: 0 }, never, () => (isOpen = true));
    expect(await errorOf(() => log.next())).toMatchObject({ status: 404 });
    expect(isOpen).toBe(false);
  });
});
