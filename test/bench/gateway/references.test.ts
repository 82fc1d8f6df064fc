/** The proxies of others, each with a real upstream. */
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { REFERENCES, startOpenFaas, startReference } from "../../../bench/gateway/references.ts";
import { listen } from "../../../services/lib/servers.ts";

let upstream: Server;
let upstreamPort = 0;

beforeAll(async () => {
  upstream = createServer((request, response) => {
    response.end(JSON.stringify({ url: request.url, headers: request.headers }));
  });
  upstreamPort = await listen(upstream, 0, "127.0.0.1");
});

afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});

describe.each(REFERENCES)("%s", (name) => {
  test("passes paths on as they are and does the gateway's work on headers", async () => {
    const proxy = await startReference(name, { upstreamPort });
    try {
      const answer = await fetch(`http://127.0.0.1:${proxy.port}/function/x/a?b=1`, {
        headers: { "x-forwarded-for": "192.0.2.1", connection: "close" },
        signal: AbortSignal.timeout(60_000),
      });
      const { url, headers } = (await answer.json()) as {
        url: string;
        headers: Record<string, string>;
      };
      expect(url).toBe("/function/x/a?b=1");
      expect(headers["x-forwarded-for"]).toBe("127.0.0.1");
      expect(headers["x-forwarded-host"]).toBe(`127.0.0.1:${proxy.port}`);
      expect(headers["x-forwarded-proto"]).toBe("http");
      expect(headers["x-start-time"]).toMatch(/^[\d.]+$/);
      expect(headers["x-call-id"]).toMatch(/^[0-9a-f-]{32,36}$/);
      expect(answer.headers.get("x-call-id")).toBe(headers["x-call-id"]);
    } finally {
      await proxy.stop();
    }
    await expect(fetch(`http://127.0.0.1:${proxy.port}/`)).rejects.toThrow();
  }, 180_000);
});

test("OpenFaaS' two hops take the function's name away, and pass on what follows", async () => {
  const proxy = await startOpenFaas({ upstreamPort });
  try {
    const answer = await fetch(`http://127.0.0.1:${proxy.port}/function/x/a?b=1`, {
      headers: { connection: "close" },
      signal: AbortSignal.timeout(60_000),
    });
    expect(await answer.json()).toMatchObject({ url: "/a?b=1" });
  } finally {
    await proxy.stop();
  }
}, 180_000);
