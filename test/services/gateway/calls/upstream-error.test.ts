/** What is said of a call that has failed on its way, beside the statuses. */
import { describe, expect, test } from "@jest/globals";
import {
  CLIENT_GONE,
  codeOf,
  mayRetry,
  timedOut,
  toFailure,
} from "../../../../services/gateway/calls/upstream-error.ts";
import { errorOf } from "../../../support/call-parts.ts";

describe("codeOf", () => {
  test("is the code of the system or of a client, or else the kind of the error", () => {
    expect(codeOf(errorOf("ECONNREFUSED"))).toBe("ECONNREFUSED");
    expect(codeOf(new TypeError("push is not a function"))).toBe("TypeError");
    expect(codeOf(new Error("x"))).toBe("Error");
  });
});

describe("toFailure", () => {
  test.each([
    ["ECONNREFUSED", "PLONK_UPSTREAM_FAILED", "Can't reach f.fn."],
    ["EHOSTUNREACH", "PLONK_UPSTREAM_FAILED", "Can't reach f.fn."],
    ["UPSTREAM_ANSWER", "PLONK_UPSTREAM_FAILED", "Can't reach f.fn."],
    ["UPSTREAM_HEAD_SIZE", "PLONK_UPSTREAM_FAILED", "Can't reach f.fn."],
    ["HPE_INVALID_CONSTANT", "PLONK_UPSTREAM_FAILED", "Can't reach f.fn."],
    ["ECONNRESET", "PLONK_UPSTREAM_FAILED", "f.fn closed the connection without an answer."],
    ["EPIPE", "PLONK_UPSTREAM_FAILED", "f.fn closed the connection without an answer."],
    ["UPSTREAM_CLOSED", "PLONK_UPSTREAM_FAILED", "f.fn closed the connection without an answer."],
    ["UND_ERR_SOCKET", "PLONK_UPSTREAM_FAILED", "f.fn closed the connection without an answer."],
    ["UPSTREAM_CONNECT_TIMEOUT", "PLONK_UPSTREAM_TIMEOUT", "f.fn did not answer in time."],
    ["UND_ERR_CONNECT_TIMEOUT", "PLONK_UPSTREAM_TIMEOUT", "f.fn did not answer in time."],
    ["ETIMEDOUT", "PLONK_UPSTREAM_TIMEOUT", "f.fn did not answer in time."],
    ["UPSTREAM_REQUEST", "PLONK_BAD_REQUEST", "The request is malformed."],
    ["UND_ERR_INVALID_ARG", "PLONK_BAD_REQUEST", "The request is malformed."],
  ])("says of %s: %s, %s", (code, expected, message) => {
    expect(toFailure(errorOf(code), "f.fn")).toMatchObject({ code: expected, message });
  });

  test("shows nothing of an error's own text, which names addresses inside of the cluster", () => {
    const error = Object.assign(new Error("connect ECONNREFUSED 10.42.0.7:8080"), { code: "X" });
    expect(JSON.stringify(toFailure(error, "f.fn"))).not.toContain("10.42");
  });
});

describe("timedOut", () => {
  test("is 504 by the function, and 408 by the caller", () => {
    expect(timedOut("function", "f.fn")).toEqual({
      status: 504,
      code: "PLONK_UPSTREAM_TIMEOUT",
      message: "f.fn did not answer in time.",
    });
    expect(timedOut("caller", "f.fn")).toEqual({
      status: 408,
      code: "PLONK_REQUEST_TIMEOUT",
      message: "The body of the request did not come in time.",
    });
  });
});

describe("a call that may have reached its function", () => {
  test.each(["UPSTREAM_CLOSED", "UND_ERR_SOCKET", "ECONNRESET", "EPIPE"])(
    "goes on after %s",
    (code) => {
      expect(mayRetry(errorOf(code), { isSent: true, mayRepeat: true })).toBe(true);
    },
  );

  test.each(["ETIMEDOUT", "UPSTREAM_HEAD_SIZE", "UPSTREAM_ANSWER", "Error"])(
    "does not go on after %s, which another pod would answer with, too",
    (code) => {
      expect(mayRetry(errorOf(code), { isSent: true, mayRepeat: true })).toBe(false);
    },
  );
});

test("a caller that has gone is counted by a status that no function has", () => {
  expect(CLIENT_GONE).toBe(499);
});
