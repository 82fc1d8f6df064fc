/** Failures: their codes, what is answered, and what is tried again. */
import { describe, expect, test } from "@jest/globals";
import {
  isIdempotent,
  mayRetry,
  toFailure,
} from "../../../services/gateway/calls/upstream-error.ts";
import { type Failure, failures, HttpError } from "../../../services/gateway/errors.ts";
import { describeFailure, wantsJson } from "../../../services/gateway/http/failure-response.ts";

const failure = { status: 404, code: "PLONK_X", message: "not there" };

function error(code: string): Error {
  return Object.assign(new Error("x"), { code });
}

describe("the table", () => {
  const table: Record<string, (...values: never[]) => Failure> = failures;

  test.each(Object.keys(table))("has %s under its own code", (name) => {
    const { code } = table[name]?.() ?? {};
    expect(code).toBe(`PLONK_${name.replace(/[A-Z]/g, "_$&").toUpperCase()}`);
  });
});

describe("HttpError", () => {
  test("has the status and the code that Fastify asks for", () => {
    const error = new HttpError(failures.functionNotFound("f.n"));
    expect(error).toMatchObject({
      statusCode: 404,
      code: "PLONK_FUNCTION_NOT_FOUND",
      message: "error finding function f.n",
    });
  });
});

describe("describeFailure", () => {
  test("is plain text, and JSON for who asks for it", () => {
    expect(describeFailure(failure, "*/*")).toEqual({
      contentType: "text/plain; charset=utf-8",
      body: "not there",
    });
    expect(describeFailure(failure, "text/html, application/json;q=0.9", "id")).toEqual({
      contentType: "application/json; charset=utf-8",
      body: '{"code":"PLONK_X","message":"not there","callId":"id"}',
    });
    expect(wantsJson(undefined)).toBe(false);
  });
});

describe("toFailure", () => {
  test.each([
    ["UND_ERR_CONNECT_TIMEOUT", 504],
    ["ETIMEDOUT", 504],
    ["ECONNREFUSED", 502],
    ["UND_ERR_SOCKET", 502],
    ["EHOSTUNREACH", 502],
    ["UND_ERR_INVALID_ARG", 400],
  ])("of %s is %d", (code, status) => {
    expect(toFailure(error(code), "f.n").status).toBe(status);
  });
});

describe("mayRetry", () => {
  test.each([
    ["ECONNREFUSED", { isSent: false, mayRepeat: false }, true],
    ["UND_ERR_CLOSED", { isSent: false, mayRepeat: false }, true],
    ["UND_ERR_INVALID_ARG", { isSent: false, mayRepeat: true }, false],
    ["ECONNRESET", { isSent: true, mayRepeat: true }, true],
    ["UND_ERR_SOCKET", { isSent: true, mayRepeat: true }, true],
    ["ECONNRESET", { isSent: true, mayRepeat: false }, false],
    ["UND_ERR_ABORTED", { isSent: true, mayRepeat: true }, false],
  ])("after %s with %j: %s", (code, attempt, expected) => {
    expect(mayRetry(error(code), attempt)).toBe(expected);
  });
});

describe("isIdempotent", () => {
  test.each([
    ["GET", true],
    ["HEAD", true],
    ["OPTIONS", true],
    ["PUT", true],
    ["DELETE", true],
    ["POST", false],
    ["PATCH", false],
    ["get", false],
  ])("%s: %s", (method, expected) => {
    expect(isIdempotent(method)).toBe(expected);
  });
});
