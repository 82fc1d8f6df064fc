/** Calls of functions through a real gateway. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Echo, echo, TestGateway } from "../../support/gateway.ts";
import { findFreePort } from "../../support/network.ts";
import { until } from "../../support/until.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start({ scale_from_zero: "false" });
  await gateway.serve("echo", echo);
});

afterAll(() => gateway.stop());

async function call(path: string, init?: RequestInit): Promise<Echo> {
  return (await fetch(`${gateway.url}${path}`, init)).json() as Promise<Echo>;
}

/** A call with Node's client, which sends exactly what it is told to. */
async function raw(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ response: IncomingMessage; body: string }> {
  const { method = "GET", headers = {}, body } = options;
  const request = httpRequest(`${gateway.url}${path}`, { method, headers });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) {
    text += String(chunk);
  }
  return { response, body: text };
}

async function readChunk(
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
): Promise<string> {
  const result = await reader?.read();
  return Buffer.from(result?.value ?? []).toString();
}

describe("what a function sees", () => {
  test.each([
    ["/function/echo", "/"],
    ["/function/echo/", "/"],
    ["/function/echo.openfaas-fn/a/b/?x=1&x=2", "/a/b/?x=1&x=2"],
    ["/function/echo/a%2Fb?", "/a%2Fb?"],
  ])("of %s is %s", async (path, url) => {
    expect((await call(path)).url).toBe(url);
  });

  test.each(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])(
    "is the method %s",
    async (method) => {
      expect((await call("/function/echo", { method })).method).toBe(method);
    },
  );

  test("is a small body, a large one and a chunked one, byte for byte", async () => {
    for (const size of [1, 65_536, 65_537, 3_000_000]) {
      const body = randomBytes(size / 2).toString("hex");
      expect((await call("/function/echo", { method: "POST", body })).body).toBe(body);
    }
    const headers = { "transfer-encoding": "chunked" };
    const { body } = await raw("/function/echo", { method: "POST", headers, body: "abc" });
    expect(JSON.parse(body)).toMatchObject({ body: "abc" });
  });

  test("is the caller's headers without those of the hop", async () => {
    const { body } = await raw("/function/echo", {
      headers: {
        authorization: "Bearer x",
        connection: "x-hop, keep-alive",
        "x-hop": "1",
        ...{ te: "trailers", "proxy-authorization": "Basic x", proxy: "http://evil.example" },
        "x-kept": "1",
      },
    });
    const { headers } = JSON.parse(body) as Echo;
    expect(headers).toMatchObject({
      authorization: "Bearer x",
      "x-kept": "1",
      "x-forwarded-host": new URL(gateway.url).host,
      "x-forwarded-for": expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      "x-start-time": expect.stringMatching(/^\d{19}$/),
    });
    for (const name of ["x-hop", "te", "proxy-authorization", "proxy"]) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  test("is one X-Call-Id, which the caller gets back", async () => {
    const own = await raw("/function/echo", { headers: { "x-call-id": "mine" } });
    expect((JSON.parse(own.body) as Echo).headers["x-call-id"]).toBe("mine");
    expect(own.response.headers["x-call-id"]).toBe("mine");
    const made = await raw("/function/echo");
    const id = (JSON.parse(made.body) as Echo).headers["x-call-id"];
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    expect(made.response.headers["x-call-id"]).toBe(id);
    expect(made.response.headers["x-served-by"]).toMatch(/^plonk\//);
  });
});

describe("what a caller sees", () => {
  test("is the function's status, headers and body; redirects are not followed", async () => {
    await gateway.serve("moved", (_request, response) => {
      response.writeHead(302, { location: "/elsewhere", "set-cookie": ["a=1", "b=2"] }).end("x");
    });
    const { response, body } = await raw("/function/moved");
    expect([response.statusCode, response.headers.location, body]).toEqual([
      302,
      "/elsewhere",
      "x",
    ]);
    expect(response.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  });

  test("is a content type also where the function sets none", async () => {
    await gateway.serve("bare", (_request, response) => response.end("x"));
    expect((await raw("/function/bare")).response.headers["content-type"]).toMatch(/^text\/plain/);
    const headers = { "content-type": "application/yaml" };
    const sent = await raw("/function/bare", { method: "POST", headers, body: "a" });
    expect(sent.response.headers["content-type"]).toBe("application/yaml");
  });

  test("is no body for HEAD and 204", async () => {
    const head = await raw("/function/echo", { method: "HEAD" });
    expect([head.response.statusCode, head.body]).toEqual([200, ""]);
    await gateway.serve("empty", (_request, response) => response.writeHead(204).end());
    const { response, body } = await raw("/function/empty");
    expect([response.statusCode, body]).toEqual([204, ""]);
  });

  test("is each chunk of a stream as soon as it is written", async () => {
    let next: (() => void) | undefined;
    await gateway.serve("stream", (_request, response) => {
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      response.flushHeaders();
      let count = 0;
      next = () => (count++ < 2 ? response.write(`{"n":${count}}\n`) : response.end());
    });
    const response = await fetch(`${gateway.url}/function/stream`);
    const reader = response.body?.getReader();
    next?.();
    expect(await readChunk(reader)).toBe('{"n":1}\n');
    next?.();
    expect(await readChunk(reader)).toBe('{"n":2}\n');
    next?.();
    expect(await readChunk(reader)).toBe("");
  });

  test("can send while it receives", async () => {
    await gateway.serve("duplex", (request, response) => request.pipe(response));
    const request = httpRequest(`${gateway.url}/function/duplex`, { method: "POST" });
    request.write("one");
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const [first] = (await once(response, "data")) as [Buffer];
    request.write("two");
    const [second] = (await once(response, "data")) as [Buffer];
    request.end();
    expect([String(first), String(second)]).toEqual(["one", "two"]);
  });

  test("slows the function down when it reads slowly", async () => {
    let written = 0;
    await gateway.serve("fast", (_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024);
      const more = (): void => {
        while (written < 200 && response.write(chunk)) {
          written += 1;
        }
        written += 1;
        if (written < 200) {
          response.once("drain", more);
        } else {
          response.end();
        }
      };
      more();
    });
    const request = httpRequest(`${gateway.url}/function/fast`).end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    // On a slow machine it has written less by then.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(written).toBeLessThan(100);
    let received = 0;
    for await (const chunk of response) {
      received += (chunk as Buffer).length;
    }
    expect(received).toBeGreaterThan(190 * 1024 * 1024);
  });
});

describe("what is no call", () => {
  test.each([
    ["/function/", 404],
    ["/function/a%20b", 404],
    ["/nothing", 404],
  ])("GET %s is %d", async (path, status) => {
    const { response, body } = await raw(path);
    expect([response.statusCode, body]).toEqual([status, "404 page not found\n"]);
  });

  test("an unknown function is 404 in plain text, and in JSON for who accepts that", async () => {
    const plain = await raw("/function/nope");
    expect([plain.response.statusCode, plain.body]).toEqual([
      404,
      "error finding function nope.openfaas-fn",
    ]);
    const headers = { accept: "application/json", "x-call-id": "c1" };
    const json = await raw("/function/nope.other", { headers });
    expect(JSON.parse(json.body)).toEqual({
      code: "PLONK_FUNCTION_NOT_FOUND",
      message: "error finding function nope.other",
      callId: "c1",
    });
  });

  test("an unclean path is sent to the clean one, with its query", async () => {
    const { response } = await raw("/function//echo/../echo/./x?a=//b");
    expect([response.statusCode, response.headers.location]).toEqual([
      301,
      "/function/echo/x?a=//b",
    ]);
  });

  test("a target that is no path is 400", async () => {
    const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
    socket.end("GET system HTTP/1.1\r\nHost: x\r\n\r\n");
    const [data] = (await once(socket, "data")) as [Buffer];
    expect(data.toString()).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe("failures", () => {
  test("no pod is 503 with Retry-After", async () => {
    gateway.declare("lonely");
    await gateway.settle();
    const { response, body } = await raw("/function/lonely");
    expect([response.statusCode, body]).toEqual([
      503,
      "No endpoints available for: lonely.openfaas-fn.",
    ]);
    expect(response.headers).toMatchObject({
      "retry-after": "2",
      "x-openfaas-internal": "gateway",
    });
  });

  test("a pod that refuses is 502 when no other one comes", async () => {
    gateway.declare("dead");
    gateway.route("dead", [await findFreePort()]);
    await gateway.settle();
    const { response, body } = await raw("/function/dead");
    expect([response.statusCode, body]).toEqual([502, "Can't reach dead.openfaas-fn."]);
  });

  test("a pod that hangs up without an answer is 502, and a POST is not sent twice", async () => {
    let calls = 0;
    await gateway.serve("rude", (request) => {
      calls += 1;
      request.socket.destroy();
    });
    const { response } = await raw("/function/rude", { method: "POST", body: "x" });
    expect([response.statusCode, calls]).toEqual([502, 1]);
  });

  test("a pod that does not answer in time is 504", async () => {
    const port = await gateway.pod(() => undefined);
    gateway.declare("slow", { labels: { "plonk/first-byte-timeout": "300ms" } });
    gateway.route("slow", [port]);
    await gateway.settle();
    const { response, body } = await raw("/function/slow");
    expect([response.statusCode, body]).toEqual([504, "slow.openfaas-fn did not answer in time."]);
  });

  test("half an answer is never taken for a whole one", async () => {
    let hangUp = (): unknown => undefined;
    await gateway.serve("half", (request, response) => {
      response.write("begin");
      hangUp = () => request.socket.destroy();
    });
    const response = await fetch(`${gateway.url}/function/half`);
    const reader = response.body?.getReader();
    expect(await readChunk(reader)).toBe("begin");
    hangUp();
    await expect(reader?.read()).rejects.toThrow("terminated");
  });

  test("a caller that goes away ends the call of the function", async () => {
    let isClosed = false;
    await gateway.serve("long", (request, response) => {
      response.write("x");
      request.socket.once("close", () => {
        isClosed = true;
      });
    });
    const abort = new AbortController();
    const response = await fetch(`${gateway.url}/function/long`, { signal: abort.signal });
    expect(response.status).toBe(200);
    abort.abort();
    await until("the function's connection to close", () => isClosed);
  });

  test("an upload that is broken off reaches the function as broken off", async () => {
    let isCalled = false;
    let outcome = "";
    await gateway.serve("upload", (request) => {
      isCalled = true;
      request.resume();
      request.once("end", () => {
        outcome = "end";
      });
      request.once("error", () => {
        outcome = "error";
      });
    });
    const headers = { "content-length": "1000000" };
    const request = httpRequest(`${gateway.url}/function/upload`, { method: "POST", headers });
    request.once("error", () => undefined);
    request.write("x".repeat(100_000));
    await until("the call", () => isCalled);
    request.destroy();
    await until("the function to notice", () => outcome !== "");
    expect(outcome).toBe("error");
  });
});

describe("metrics", () => {
  test("count calls by code and function, and no calls of unknown functions", async () => {
    await gateway.serve("counted", (_request, response) => response.writeHead(201).end());
    await Promise.all([1, 2, 3].map(() => raw("/function/counted")));
    await raw("/function/uncounted");
    const name = 'function_name="counted.openfaas-fn"';
    const counted = `gateway_functions_seconds_count{code="201",${name}} 3`;
    await until("the counts", async () => (await gateway.metrics()).includes(counted));
    const text = await gateway.metrics();
    expect(text).toContain(`gateway_function_invocation_total{code="201",${name}} 3`);
    expect(text).toContain(`gateway_function_invocation_started{${name}} 3`);
    expect(text).toContain(counted);
    expect(text).toContain(`gateway_service_count{${name}} 1`);
    expect(text).not.toContain("uncounted");
  });
});
