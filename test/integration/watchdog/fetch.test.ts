import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { cleanUp, type RunningWatchdog, startWatchdog, waitFor, writeModule } from "./process.ts";

const MODULE = `
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const { promise: goOn, resolve: letGoOn } = Promise.withResolvers();
export default {
  greeting: "hello",
  async fetch(request) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/this": return new Response(this.greeting);
      case "/echo": return new Response(request.body, { status: 201, headers: request.headers });
      case "/url": return Response.json([request.method, url.pathname, url.search]);
      case "/cookies": return new Response(null, { headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]] });
      case "/fetched": return fetch(url.searchParams.get("from"));
      case "/none": return new Response(null, { status: 204 });
      case "/string": return "not a response";
      case "/throw": throw new Error("hidden");
      case "/throw-nothing": throw undefined;
      case "/stream": return new Response(new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode("one\\n"));
          await goOn;
          controller.enqueue(new TextEncoder().encode("two\\n"));
          controller.close();
        },
      }), { headers: { "content-type": "text/event-stream" } });
      case "/go-on": letGoOn(); return new Response("gone on");
      case "/break": return new Response(new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode("begun"));
          await pause(50);
          controller.error(new Error("broke in the middle"));
        },
      }));
      case "/abort":
        console.log("waiting");
        request.signal.addEventListener("abort", () => console.log("aborted"));
        await pause(600_000);
        return new Response("late");
      default: return new Response("no such page", { status: 404 });
    }
  },
};`;

let watchdog: RunningWatchdog;

beforeAll(async () => {
  const path = await writeModule("index.mjs", MODULE);
  watchdog = await startWatchdog({ PLONK_FUNCTION_MODULE: path });
});
afterAll(cleanUp);

const call = (path: string, init?: RequestInit) => fetch(watchdog.url + path, init);

describe("a module with a web-standard handler", () => {
  it("is called as a method of the default export", async () => {
    expect(await (await call("/this")).text()).toBe("hello");
  });

  it("gets body and headers, and answers with its own status and headers", async () => {
    const answer = await call("/echo", {
      method: "POST",
      body: new Uint8Array([0, 200]),
      headers: { "x-custom": "yes" },
    });
    expect([answer.status, answer.headers.get("x-custom")]).toStrictEqual([201, "yes"]);
    expect(new Uint8Array(await answer.arrayBuffer())).toStrictEqual(new Uint8Array([0, 200]));
    expect(answer.headers.get("x-duration-seconds")).toMatch(/^\d+\.\d{6}$/);
  });

  it("gets method, path and query as they were sent", async () => {
    const answer = await call("/url?a=1&b=%2F", { method: "DELETE" });
    expect(await answer.json()).toStrictEqual(["DELETE", "/url", "?a=1&b=%2F"]);
  });

  it("keeps several cookies apart", async () => {
    expect((await call("/cookies")).headers.getSetCookie()).toStrictEqual(["a=1", "b=2"]);
  });

  it("answers 204 and HEAD without a body", async () => {
    expect((await call("/none")).status).toBe(204);
    const head = await call("/this", { method: "HEAD" });
    expect([head.status, await head.text()]).toStrictEqual([200, ""]);
  });

  it("sends each chunk of a stream as soon as it is there", async () => {
    const answer = await call("/stream");
    const chunks: string[] = [];
    for await (const chunk of answer.body ?? []) {
      chunks.push(Buffer.from(chunk).toString());
      // The second chunk is made only when somebody has seen the first.
      if (chunks.length === 1) {
        await call("/go-on");
      }
    }
    expect(chunks).toStrictEqual(["one\n", "two\n"]);
  });

  it("reads a request as it comes: the answer can begin before the request has ended", async () => {
    const sent = request(`${watchdog.url}/echo`, { method: "POST" });
    sent.write("first");
    const [answer] = (await once(sent, "response")) as [NodeJS.ReadableStream];
    const [chunk] = (await once(answer, "data")) as [Buffer];
    expect(chunk.toString()).toBe("first");
    sent.end("last");
    const [rest] = (await once(answer, "data")) as [Buffer];
    expect(rest.toString()).toBe("last");
  });

  it("breaks the connection when the stream fails, so that the caller sees it", async () => {
    const answer = await call("/break");
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow("terminated");
    await waitFor("the error", () => watchdog.stderr().includes("broke in the middle"));
  });

  it("answers 500 to what is no Response and to what it throws, and says why in the log", async () => {
    expect((await call("/string")).status).toBe(500);
    const thrown = await call("/throw");
    expect([thrown.status, await thrown.text()]).toStrictEqual([500, "Internal Server Error"]);
    expect((await call("/throw-nothing")).status).toBe(500);
    await waitFor("the error", () =>
      watchdog.stderr().includes("fetch: expected a Response, got string"),
    );
  });

  it("passes on what it has fetched, which is decoded, and nothing of the other hop", async () => {
    const upstream = createServer((_request, response) => {
      response.setHeader("content-encoding", "gzip").setHeader("keep-alive", "timeout=1");
      response.setHeader("x-own", "kept").end(gzipSync("hello"));
    });
    await once(upstream.listen(0, "127.0.0.1"), "listening");
    const { port } = upstream.address() as AddressInfo;
    const answer = await call(`/fetched?from=http://127.0.0.1:${port}`);
    expect([answer.headers.get("x-own"), answer.headers.get("content-encoding")]).toEqual([
      "kept",
      null,
    ]);
    expect(answer.headers.get("keep-alive")).not.toBe("timeout=1");
    expect(await answer.text()).toBe("hello");
    upstream.close();
  });

  it("aborts the request's signal when the caller goes away", async () => {
    const leaving = new AbortController();
    const answer = call("/abort", { signal: leaving.signal });
    const refusal = answer.catch((error: unknown) => (error as Error).message);
    await waitFor("the call", () => watchdog.stdout().includes("waiting\n"));
    leaving.abort();
    expect(await refusal).toContain("aborted");
    await waitFor("the end of the signal", () => watchdog.stdout().includes("aborted\n"));
    await waitFor("the line of the call", () => watchdog.stderr().includes("GET /abort - 499 - "));
  });

  it("answers 504 when the handler takes too long", async () => {
    const answer = await call("/abort", { headers: { "x-timeout": "100ms" } });
    expect([answer.status, answer.headers.get("x-openfaas-internal")]).toStrictEqual([
      504,
      "of-watchdog",
    ]);
  });
});
