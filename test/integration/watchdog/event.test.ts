import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { dirname, join } from "node:path";
import { json } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { FunctionHandler } from "../../../contract/index.ts";
import { cleanUp, type RunningWatchdog, startWatchdog, waitFor, writeModule } from "./process.ts";

const MODULE = `
import { existsSync } from "node:fs";
export default async function (event, context) {
  if (event.query.raw !== undefined) return event;
  switch (event.path) {
    case "/event": return { ...event, headers: { host: event.headers.host } };
    case "/teapot": return context.status(418).headers({ "x-pot": "tea" }).succeed("short");
    case "/fail-405": return context.status(405).fail({ no: "such method" });
    case "/fail-later": context.fail("gone").status(410); return;
    case "/succeed-later": context.succeed("made").status(201).headers({ "x-late": "yes" }); return;
    case "/response": context.headers({ "x-own": "context" });
      return new Response("from a Response", { status: 203, headers: [["x-own", "its"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]] });
    case "/stream": return (async function* () {
      yield "one";
      while (!existsSync(event.query.until)) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      yield "two";
    })();
    case "/broken": return (async function* () { yield "one"; throw new Error("broke off"); })();
    case "/cycle": { const it = {}; it.it = it; return it; }
    case "/error": return new Error("returned");
    case "/nested": return { rows: [{ tags: new Map([["a", 1]]) }] };
    case "/nested-later": context.succeed({ a: [Promise.resolve(1)] }); return;
    case "/nested-failure": return context.status(409).fail({ no: Symbol("such") });
    case "/fail": return context.fail(new Error("no such order"));
    case "/throw": throw new Error("hidden detail");
    case "/bytes": return Buffer.from([0, 255]);
    case "/nothing": return;
    case "/header": return context.headers({ "x-bad": "a\\nb" }).succeed("x");
    case "/log": console.log("from the function"); return "logged";
    case "/never": await new Promise(() => setTimeout(() => {}, 600_000)); return;
    case "/held": console.log("called");
      while (!existsSync(event.query.until)) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return "held until now";
    case "/later": setTimeout(() => { throw new Error("nobody caught me"); }, 10); return "soon";
    default: return event.body;
  }
}`;

let watchdog: RunningWatchdog;

const call = (path: string, init?: RequestInit) => fetch(watchdog.url + path, init);
const post = (body: string | Uint8Array<ArrayBuffer>, type: string) =>
  call("/", { method: "POST", body, headers: { "content-type": type } });

beforeAll(async () => {
  watchdog = await startWatchdog({
    PLONK_FUNCTION_MODULE: await writeModule("index.mjs", MODULE),
    max_body_bytes: "1000",
  });
});
afterAll(cleanUp);

/** Compiled by the types that handlers are written by. */
const typed: FunctionHandler = (event, context) => {
  const first: number = context.status();
  const isChained = context.status(202).headers({ "x-a": ["1", "2"] }) === context;
  const values: Record<string, string | string[]> = context.headers();
  context.headers({ "x-b": "3" }).succeed({ first, isChained, values, body: event.body });
  return "too late";
};

describe("a handler that keeps to the types", () => {
  it("gets what they say", async () => {
    const text = `export default ${typed.toString()}`;
    const path = await writeModule("typed.mjs", text);
    const { url } = await startWatchdog({ PLONK_FUNCTION_MODULE: path, RAW_BODY: "true" });
    const answer = await fetch(url, { method: "POST", body: "hi" });
    expect([answer.status, answer.headers.get("x-a"), answer.headers.get("x-b")]).toEqual([
      202,
      "1, 2",
      "3",
    ]);
    expect(await answer.json()).toStrictEqual({
      first: 200,
      isChained: true,
      values: { "x-a": ["1", "2"] },
      body: { type: "Buffer", data: [0x68, 0x69] },
    });
  });
});

describe("a module with an event handler", () => {
  it("is told the call's method, path, query, headers and body", async () => {
    const answer = await call("/event?a=1&b=2&b=3&__proto__=x", { method: "PUT", body: "hi" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await answer.json()).toStrictEqual({
      body: "hi",
      headers: { host: watchdog.url.slice("http://".length) },
      method: "PUT",
      query: JSON.parse('{"a":"1","b":["2","3"],"__proto__":"x"}') as unknown,
      path: "/event",
    });
  });

  it("answers with the status and headers that it set, and how long it took", async () => {
    const answer = await call("/teapot");
    expect([answer.status, answer.headers.get("x-pot"), await answer.text()]).toStrictEqual([
      418,
      "tea",
      "short",
    ]);
    expect(answer.headers.get("x-duration-seconds")).toMatch(/^\d+\.\d{6}$/);
  });

  it("answers bytes as they are, and nothing with an empty body", async () => {
    const bytes = await call("/bytes");
    expect(bytes.headers.get("content-type")).toBe("application/octet-stream");
    expect(new Uint8Array(await bytes.arrayBuffer())).toStrictEqual(new Uint8Array([0, 255]));
    const nothing = await call("/nothing");
    expect([nothing.status, nothing.headers.get("content-length"), await nothing.text()]).toEqual([
      200,
      "0",
      "",
    ]);
  });

  it("shows the caller the text of context.fail, with status 500", async () => {
    const answer = await call("/fail");
    expect([answer.status, await answer.text()]).toStrictEqual([500, "Error: no such order"]);
  });

  it("keeps the status that goes with context.fail and context.succeed, in any order", async () => {
    const answers = [];
    for (const path of ["/fail-405", "/fail-later", "/succeed-later"]) {
      const answer = await call(path);
      answers.push([answer.status, await answer.text(), answer.headers.get("x-late")]);
    }
    expect(answers).toStrictEqual([
      [405, '{"no":"such method"}', null],
      [410, "gone", null],
      [201, "made", "yes"],
    ]);
  });

  it("answers with a Response, and what the context says goes before it", async () => {
    const answer = await call("/response");
    expect([answer.status, answer.headers.get("x-own"), await answer.text()]).toStrictEqual([
      203,
      "context",
      "from a Response",
    ]);
    expect(answer.headers.getSetCookie()).toStrictEqual(["a=1", "b=2"]);
  });

  it("sends a stream as it comes", async () => {
    const gate = join(dirname(await writeModule("index.mjs", "")), "gate");
    const answer = await call(`/stream?until=${gate}`);
    const chunks: string[] = [];
    for await (const chunk of answer.body ?? []) {
      chunks.push(Buffer.from(chunk).toString());
      // The second piece is sent only when somebody has seen the first.
      await writeFile(gate, "open");
    }
    expect(chunks).toStrictEqual(["one", "two"]);
    expect((await call("/stream", { method: "HEAD" })).status).toBe(200);
  });

  it("breaks off with a stream that does, and logs why", async () => {
    const answer = await call("/broken");
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow("terminated");
    await waitFor("the reason", () => watchdog.stderr().includes("Error: broke off"));
  });

  it.each([
    ["/cycle", "circular structure"],
    ["/error", "Error: returned"],
    ["/nested", "TypeError: answer.rows[0].tags: expected what JSON has, got a Map"],
    ["/nested-later", "TypeError: answer.a[0]: expected what JSON has, got a Promise"],
    ["/nested-failure", "TypeError: answer.no: expected what JSON has, got a symbol"],
  ])("answers 500 to %s, which nobody could read, and logs why", async (path, reason) => {
    const answer = await call(path);
    expect([answer.status, await answer.text()]).toStrictEqual([500, "Internal Server Error"]);
    await waitFor("the reason", () => watchdog.stderr().includes(reason));
  });

  it("is told path and query as they came", async () => {
    const target = "/./a/../%7Bb%7D/{c}\\x?raw=&name=it's&t=<b>";
    const [answer] = (await once(
      request({ port: new URL(watchdog.url).port, path: target }).end(),
      "response",
    )) as [IncomingMessage];
    const { path, query } = (await json(answer)) as Record<string, unknown>;
    expect(path).toBe("/./a/../%7Bb%7D/{c}\\x");
    expect(query).toStrictEqual({ raw: "", name: "it's", t: "<b>" });
  });

  it("logs what the handler throws with its stack and hides it from the caller", async () => {
    const answer = await call("/throw");
    expect([answer.status, await answer.text()]).toStrictEqual([500, "Internal Server Error"]);
    await waitFor("the stack", () => watchdog.stderr().includes("Error: hidden detail\n    at "));
  });

  it("answers 500 to a header that HTTP forbids, without the headers set so far", async () => {
    const answer = await call("/header");
    expect([answer.status, answer.headers.get("x-bad")]).toStrictEqual([500, null]);
  });

  it("parses JSON, leaves text, and keeps the rest as bytes", async () => {
    expect(await (await post('{"a":[1]}', "application/json")).json()).toStrictEqual({ a: [1] });
    expect(await (await post("<a/>", "image/svg+xml")).text()).toBe("<a/>");
    const bytes = await post(new Uint8Array([1, 254]), "image/png");
    expect(new Uint8Array(await bytes.arrayBuffer())).toStrictEqual(new Uint8Array([1, 254]));
  });

  it("takes a form as an object, and curl's -d with plain text as that text", async () => {
    const form = "application/x-www-form-urlencoded";
    expect(await (await post("a=1&a=2&b=x+y", form)).json()).toStrictEqual({
      a: ["1", "2"],
      b: "x y",
    });
    expect(await (await post("plonk", form)).text()).toBe("plonk");
  });

  it("refuses JSON that is none with 400, and a body above the limit with 413", async () => {
    const broken = await post("{", "application/json");
    expect([broken.status, await broken.text()]).toStrictEqual([
      400,
      "Request body is not valid JSON",
    ]);
    const large = await post("x".repeat(1001), "text/plain");
    expect([large.status, await large.text()]).toStrictEqual([
      413,
      "Request body larger than 1000 bytes",
    ]);
    const chunked = await call("/", {
      method: "POST",
      body: new Blob(["x".repeat(1001)]).stream(),
      duplex: "half",
    });
    expect(chunked.status).toBe(413);
  });

  it("answers 504 when the function takes too long, and serves on", async () => {
    const { url } = await startWatchdog({
      PLONK_FUNCTION_MODULE: await writeModule("index.mjs", MODULE),
      exec_timeout: "2s",
    });
    const answer = await fetch(`${url}/never`);
    expect([answer.status, answer.headers.get("x-openfaas-internal")]).toStrictEqual([
      504,
      "of-watchdog",
    ]);
    expect(await answer.text()).toBe("Time-out: the function took longer than 2s");
    const longer = await fetch(`${url}/never`, { headers: { "x-timeout": "1h" } });
    expect(await longer.text()).toBe("Time-out: the function took longer than 2s");
    // A machine may be so busy that even this takes longer once.
    await waitFor("a call in time", async () => (await fetch(`${url}/nothing`)).status === 200);
  });

  it("lets X-Timeout shorten the limit", async () => {
    const shorter = await call("/never", { headers: { "x-timeout": "50ms" } });
    expect(await shorter.text()).toBe("Time-out: the function took longer than 0.05s");
  });

  it("writes console.log to stdout, and a line with the call's id for each call", async () => {
    await call("/log", { headers: { "x-call-id": "id-7" } });
    await waitFor("the line of the call", () =>
      /GET \/log - 200 - \d+\.\d{4}s \[id-7\]\n/.test(watchdog.stderr()),
    );
    // Which of two pipes is read first is open.
    await waitFor("what the function wrote", () => watchdog.stdout() !== "");
    expect(watchdog.stdout()).toBe("from the function\n");
  });

  it("ends with the reason as the last line when something is thrown outside of a call", async () => {
    const other = await startWatchdog({
      PLONK_FUNCTION_MODULE: await writeModule("index.mjs", MODULE),
    });
    const gate = join(dirname(await writeModule("index.mjs", "")), "gate");
    const held = fetch(`${other.url}/held?until=${gate}`);
    await waitFor("the call", () => other.stdout().includes("called"));
    await fetch(`${other.url}/later`);
    await waitFor("the error", () => other.stderr().includes("Error: nobody caught me"));
    await writeFile(gate, "open");
    expect(await (await held).text()).toBe("held until now");
    expect(await other.exit).toBe(1);
    expect(other.stderr()).toContain("Error: nobody caught me\n    at ");
    expect(other.stderr().trimEnd().split("\n").at(-1)).toBe(
      "watchdog: uncaught Error: nobody caught me",
    );
  });
});

describe("other shapes of event handlers", () => {
  const answerOf = async (name: string, text: string) => {
    const running = await startWatchdog({ PLONK_FUNCTION_MODULE: await writeModule(name, text) });
    const answer = await fetch(running.url, { method: "POST", body: "plonk" });
    return [answer.status, await answer.text()];
  };

  it("loads an exported function named handler", async () => {
    const text = "export const handler = (event) => `hello ${event.body}`;";
    expect(await answerOf("index.mjs", text)).toStrictEqual([200, "hello plonk"]);
  });

  it("loads a closure in the form that Pulumi's serializer gives it", async () => {
    const text = `exports.handler = __f0;
var __name = "hello";
function __f0(__0) {
  return (function() {
    with({ name: __name, this: undefined, arguments: undefined }) {
      return async (event) => name + " " + event.body;
    }
  }).apply(undefined, undefined).apply(this, arguments);
}`;
    expect(await answerOf("index.cjs", text)).toStrictEqual([200, "hello plonk"]);
  });

  it("waits for the callback of a handler that takes one", async () => {
    const text = `module.exports = (event, context, callback) => {
      setTimeout(() => callback(null, { body: event.body }), 20);
    };`;
    expect(await answerOf("index.cjs", text)).toStrictEqual([200, '{"body":"plonk"}']);
    const failing = "module.exports = (event, context, callback) => { callback('bad order'); };";
    expect(await answerOf("index.cjs", failing)).toStrictEqual([500, "bad order"]);
  });
});
