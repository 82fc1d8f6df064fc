/** The log: JSON lines without secrets. */
import { describe, expect, test } from "@jest/globals";
import { describeError, messageOf, redact } from "../../../services/lib/logger.ts";
import { createKeptLog } from "../../support/logs.ts";

const CANARY = "canary-7f3a";

describe("createLogger", () => {
  test("writes one JSON object a line with name, level and time", () => {
    const { logger, text } = createKeptLog();
    logger.info({ port: 8080 }, "ready");
    const line = JSON.parse(text()) as Record<string, unknown>;
    expect(line).toMatchObject({ level: "info", name: "test", port: 8080, msg: "ready" });
    expect(String(line["time"])).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  test("writes nothing below its level", () => {
    const { logger, text } = createKeptLog("warn");
    logger.info("quiet");
    expect(text()).toBe("");
  });

  test.each([
    ["authorization", { authorization: CANARY }],
    ["a header in any case", { headers: { Authorization: CANARY, Cookie: CANARY } }],
    ["set-cookie", { response: { headers: { "set-cookie": [CANARY] } } }],
    ["proxy-authorization", { "Proxy-Authorization": CANARY }],
    ["a password", { user: { password: CANARY } }],
    ["a token in a list", { users: [{ accessToken: CANARY }] }],
    ["a secret", { clientSecret: CANARY }],
    ["a body", { request: { body: CANARY } }],
    ["what lies deeper than anybody logs", { a: { b: { c: { d: { e: { f: CANARY } } } } } }],
  ])("cuts out %s", (_what, entry) => {
    const { logger, text } = createKeptLog();
    logger.info(entry, "x");
    expect(text()).not.toContain(CANARY);
    expect(text()).toContain('"msg":"x"');
  });

  test("does not write what libraries hang on errors", () => {
    const { logger, text } = createKeptLog();
    const error = Object.assign(new Error("refused"), {
      code: "ECONNREFUSED",
      body: CANARY,
      headers: { authorization: CANARY },
    });
    logger.error({ err: error }, "failed");
    expect(text()).toContain("ECONNREFUSED");
    expect(text()).not.toContain(CANARY);
  });
});

describe("redact", () => {
  test("keeps what is no secret, and numbers under any name", () => {
    const entry = { name: "x", tokens: 5, nested: { list: [1, { path: "/a" }] }, none: null };
    expect(redact(entry)).toEqual(entry);
  });

  test("does not change what it is given", () => {
    const entry = { token: "t" };
    redact(entry);
    expect(entry).toEqual({ token: "t" });
  });
});

describe("describeError and messageOf", () => {
  test("show the cause", () => {
    const error = new Error("outer", { cause: new Error("inner") });
    expect(describeError(error)).toMatchObject({ message: "outer", cause: { message: "inner" } });
    expect(messageOf(error)).toBe("outer: inner");
  });

  test("take anything that can be thrown", () => {
    expect(describeError("text")).toEqual({ message: "text" });
    expect(messageOf(5)).toBe("5");
  });
});
