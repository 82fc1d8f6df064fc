/** Errors of every side: plain text as OpenFaaS has it, JSON for who accepts that, always an id. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { TestGateway } from "../../support/gateway.ts";
import { send } from "../../support/http-client.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});

afterAll(() => gateway.stop());

interface Case {
  method: string;
  path: string;
  status: number;
  /** Undefined: some text. */
  text: string | undefined;
}

const CASES: Case[] = (
  [
    ["GET", "/function/nope", 404, "error finding function nope.openfaas-fn"],
    ["GET", "/function/", 404, "404 page not found\n"],
    ["GET", "/nothing", 404, "404 page not found\n"],
    ["POST", "/async-function/nope", 404, "404 page not found\n"],
    ["GET", "/system/function/nope", 404, undefined],
    ["PATCH", "/system/functions", 405, ""],
    ["TRACE", "/function/nope", 405, ""],
  ] as const
).map(([method, path, status, text]) => ({ method, path, status, text }));

describe("an error", () => {
  test.each(CASES)("of $method $path is plain text", async ({ method, path, status, text }) => {
    const headers = { accept: "*/*", "x-call-id": "mine" };
    const answer = await send(`${gateway.url}${path}`, { method, headers });
    expect([answer.status, answer.headers["x-call-id"]]).toEqual([status, "mine"]);
    if (text === undefined) {
      expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
    } else {
      expect(answer.body).toBe(text);
    }
  });

  test.each(CASES)(
    "of $method $path is JSON for who accepts that",
    async ({ method, path, status }) => {
      const headers = { accept: "text/html, application/json;q=0.9" };
      const answer = await send(`${gateway.url}${path}`, { method, headers });
      expect([answer.status, answer.headers["content-type"]]).toEqual([
        status,
        "application/json; charset=utf-8",
      ]);
      expect(JSON.parse(answer.body)).toEqual({
        code: expect.stringMatching(/^PLONK_[A-Z_]+$/),
        message: expect.stringMatching(/[^\n]$/),
        callId: answer.headers["x-call-id"],
      });
    },
  );

  test("does not repeat a call id that is no good", async () => {
    const headers = { "x-call-id": "with space" };
    const answer = await send(`${gateway.url}/function/nope`, { headers });
    expect(answer.headers["x-call-id"]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  });
});
