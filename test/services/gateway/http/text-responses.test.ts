/** Plain-text answers in the words that clients of OpenFaaS know. */
import { createServer, type Server, type ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  sendExpectationFailed,
  sendMethodNotAllowed,
  sendMoved,
  sendPageNotFound,
  sendRefusal,
} from "../../../../services/gateway/http/text-responses.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { type Answer, send } from "../../../support/http-client.ts";
import { stopServer } from "../../../support/network.ts";

let server: Server;
let url: string;
let answer: (response: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((_request, response) => answer(response));
  url = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
});

afterAll(() => stopServer(server));

async function ask(step: typeof answer, headers: Record<string, string> = {}): Promise<Answer> {
  answer = step;
  return send(url, { headers: { connection: "keep-alive", ...headers } });
}

const JSON_TOO = { accept: "application/json" };
const NOT_FOUND = (response: ServerResponse): void => sendPageNotFound(response);
const NOT_ALLOWED = (response: ServerResponse): void => sendMethodNotAllowed(response, "GET, POST");

describe("a page that is not there", () => {
  test("is 404 in the words of Go's router, to the last character", async () => {
    const { status, headers, body } = await ask(NOT_FOUND);
    expect([status, body]).toEqual([404, "404 page not found\n"]);
    expect(headers).toMatchObject({
      "content-type": "text/plain; charset=utf-8",
      "content-length": "19",
      "x-content-type-options": "nosniff",
    });
  });

  test("is said in JSON to who asks for it, with the caller's id and no line end", async () => {
    const { headers, body } = await ask(NOT_FOUND, { ...JSON_TOO, "x-call-id": "mine" });
    expect(headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(JSON.parse(body)).toEqual({
      code: "PLONK_PAGE_NOT_FOUND",
      message: "404 page not found",
      callId: "mine",
    });
  });

  test.each([
    ["mine", "mine"],
    ["a b", undefined],
    [undefined, undefined],
  ])("has for the call id %j %j, or a new one", async (sent, expected) => {
    const { headers } = await ask(NOT_FOUND, sent === undefined ? {} : { "x-call-id": sent });
    expect(headers["x-call-id"]).toMatch(
      expected === undefined ? /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/ : /^mine$/,
    );
  });
});

describe("a method that is not allowed", () => {
  test("is 405 with those that are, and without a body or a type", async () => {
    const { status, headers, body } = await ask(NOT_ALLOWED);
    expect([status, body, headers.allow]).toEqual([405, "", "GET, POST"]);
    expect([headers["content-length"], headers["content-type"]]).toEqual(["0", undefined]);
  });

  test("is said in a sentence where JSON is asked for", async () => {
    const { headers, body } = await ask(NOT_ALLOWED, JSON_TOO);
    expect([headers.allow, (JSON.parse(body) as { message: string }).message]).toEqual([
      "GET, POST",
      "method: expected GET, POST",
    ]);
  });
});

describe("a path that has moved", () => {
  test("is 301 to the clean one, without a body", async () => {
    const { status, headers, body } = await ask((response) => sendMoved(response, "/a?b=c"));
    expect([status, headers.location, headers["content-length"], body]).toEqual([
      ...[301, "/a?b=c", "0", ""],
    ]);
  });
});

describe("a request that is refused", () => {
  test.each([
    [400, "PLONK_BAD_REQUEST"],
    [413, "PLONK_EXTENSIONS_TOO_LARGE"],
    [431, "PLONK_HEADERS_TOO_LARGE"],
  ] as const)(
    "with %d has its own code, and is the last of its connection",
    async (status, code) => {
      const refuse = (response: ServerResponse): void =>
        sendRefusal(response, { status, message: "Host: expected one, got 2" });
      const plain = await ask(refuse);
      expect([plain.status, plain.body, plain.headers.connection]).toEqual([
        ...[status, "Host: expected one, got 2\n", "close"],
      ]);
      const { code: got, message } = JSON.parse((await ask(refuse, JSON_TOO)).body) as {
        code: string;
        message: string;
      };
      expect([got, message]).toEqual([code, "Host: expected one, got 2"]);
    },
  );

  test("for its expectation has no body, and is the last of its connection", async () => {
    const { status, headers, body } = await ask((response) => sendExpectationFailed(response));
    expect([status, body, headers.connection, headers["content-length"]]).toEqual([
      ...[417, "", "close", "0"],
    ]);
  });
});
