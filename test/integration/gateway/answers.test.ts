/** Answers whose length is known: small ones go out with their head in one write. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { TestGateway } from "../../support/gateway.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});

afterAll(() => gateway.stop());

/** Gives up after some seconds. */
function call(path: string, method = "GET"): Promise<Response> {
  const signal = AbortSignal.timeout(60_000);
  return fetch(`${gateway.url}/function/${path}`, { method, signal });
}

describe("an answer of known length", () => {
  test.each([0, 1, 256, 4096, 4097, 70_000])("of %i bytes comes byte for byte", async (size) => {
    const bytes = Buffer.from(Array.from({ length: size }, (_, index) => index % 256));
    await gateway.serve("bytes", (_request, response) => {
      response.setHeader("content-length", size);
      response.end(bytes);
    });
    const response = await call("bytes");
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    expect(response.headers.get("content-length")).toBe(String(size));
    const head = await call("bytes", "HEAD");
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(size)]);
  });

  test("comes whole when the function sends it in pieces", async () => {
    await gateway.serve("pieces", (_request, response) => {
      response.setHeader("content-length", 10);
      response.write("hello");
      setTimeout(() => response.end("world"), 50);
    });
    expect(await (await call("pieces")).text()).toBe("helloworld");
  });
});
