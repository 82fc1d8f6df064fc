/** What a caller asks of the queue, header by header. */
import type { IncomingHttpHeaders } from "node:http";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type QueueOptions,
  readQueueOptions,
} from "../../../../services/gateway/calls/queue-options.ts";
import type { Failure } from "../../../../services/gateway/errors.ts";
import type { AddressPolicy } from "../../../../services/lib/address-policy.ts";
import { runs } from "../../../support/property-runs.ts";

/** Takes any address but those of 10.0.0.0/8. */
const callbacks = {
  checkUrl: ({ hostname }: URL) => (hostname.startsWith("10.") ? "a private address" : undefined),
} as unknown as AddressPolicy;

function read(headers: IncomingHttpHeaders, key = "dev/f"): QueueOptions | Failure {
  return readQueueOptions(headers, key, { callbacks, ownHosts: ["gateway.openfaas"] });
}

function idOf(headers: IncomingHttpHeaders, key?: string): string | undefined {
  const options = read(headers, key);
  return "code" in options ? options.code : options.messageId;
}

const NONE: QueueOptions = {
  callback: undefined,
  delaySeconds: undefined,
  expiresSeconds: undefined,
  retry: undefined,
  keepResultSeconds: undefined,
  messageId: undefined,
};

test("nothing is asked for where there are no headers", () => {
  expect(read({})).toEqual(NONE);
});

describe("X-Callback-Url", () => {
  const refuse = (message: string) => ({
    status: 400,
    code: "PLONK_BAD_CALLBACK_URL",
    message: `X-Callback-Url: ${message}`,
  });
  const EXPECTED = "expected an http or https URL without credentials";

  test.each([
    ["http://a.example", "http://a.example/"],
    ["https://a.example:444/b?c=d", "https://a.example:444/b?c=d"],
    ["HTTP://A.example/%5C", "http://a.example/%5C"],
    ["http://a.example/b#secret", "http://a.example/b"],
  ])("of %s is where the answer goes", (text, href) => {
    const options = read({ "x-callback-url": text });
    expect(options).toEqual({ ...NONE, callback: new URL(href) });
  });

  test("that is empty is none", () => {
    expect(read({ "x-callback-url": "" })).toEqual(NONE);
  });

  test.each(["canary", "/canary", "ftp://canary", "file:///canary", "http://u:canary@a.example"])(
    "of %s is no address",
    (text) => {
      expect(read({ "x-callback-url": text })).toEqual(refuse(EXPECTED));
    },
  );

  test("is refused by the rules of addresses, in their words", () => {
    expect(read({ "x-callback-url": "http://10.0.0.1/canary" })).toEqual(
      refuse("expected a URL of a public host, or of one in callback_allow, got a private address"),
    );
  });

  test.each(["http://gateway.openfaas:8080/function/f", "http://10.0.0.1/function/f"])(
    "of %s is asked by these rules, unless it is a function of the platform's own",
    (text) => {
      const rules = { callbacks, ownHosts: ["gateway.openfaas", "10.0.0.2"] };
      const headers = { "x-callback-url": text };
      const isOwn = text.includes("gateway");
      expect("code" in readQueueOptions(headers, "dev/f", rules)).toBe(!isOwn);
    },
  );

  test("is read first: one mistake is told at a time", () => {
    const headers = { "x-callback-url": "x", "x-delay-seconds": "x", "idempotency-key": "" };
    expect(read(headers)).toEqual(refuse(EXPECTED));
  });
});

describe.each([
  { name: "x-delay-seconds", field: "X-Delay-Seconds", option: "delaySeconds", least: 0 },
  { name: "x-expires-seconds", field: "X-Expires-Seconds", option: "expiresSeconds", least: 1 },
  {
    name: "x-keep-result-seconds",
    field: "X-Keep-Result-Seconds",
    option: "keepResultSeconds",
    least: 1,
  },
])("$field", ({ name, field, option, least }) => {
  test("is a whole number of seconds, up to seven days", () => {
    for (const text of [String(least), "1", "007", "604800"]) {
      expect(read({ [name]: text })).toEqual({ ...NONE, [option]: Number(text) });
    }
  });

  test.each(["", "-1", "+1", "1.5", "1e3", "0x1", " 1", "1, 2", "604801", "9999999999", "soon"])(
    "is not %j",
    (text) => {
      expect(read({ [name]: text })).toEqual({
        status: 400,
        code: "PLONK_BAD_REQUEST",
        message: `${field}: expected a whole number of seconds from ${least} to 604800, got ${JSON.stringify(text)}`,
      });
    },
  );

  test("is less than that only where that means something", () => {
    expect("code" in read({ [name]: "0" })).toBe(least > 0);
  });
});

describe("Idempotency-Key", () => {
  const KEY = { "idempotency-key": "k" };

  test("makes one call of two, of one caller and one function", () => {
    expect(idOf(KEY)).toMatch(/^[\w-]{43}$/);
    expect(idOf(KEY)).toBe(idOf({ ...KEY }));
  });

  test("is another of another function, of another caller, and in other letters", () => {
    const ids = [
      idOf(KEY),
      idOf(KEY, "dev/g"),
      idOf({ ...KEY, authorization: "Basic YTpi" }),
      idOf({ ...KEY, authorization: "Bearer x" }),
      idOf({ "idempotency-key": "K" }),
    ];
    expect(new Set(ids).size).toBe(5);
  });

  test("does not show its caller's credentials", () => {
    expect(idOf({ "idempotency-key": "canary", authorization: "canary" })).not.toContain("canary");
  });

  test("cannot be that of two parts that only look alike", () => {
    const texts = fc.stringMatching(/^[!-~]{1,6}$/);
    fc.assert(
      fc.property(texts, texts, texts, (key, authorization, name) => {
        const one = idOf({ "idempotency-key": key, authorization }, name);
        const moved = idOf({ "idempotency-key": key, authorization: "" }, name + authorization);
        expect(one).not.toBe(moved);
      }),
      { numRuns: runs(100) },
    );
  });

  test.each(["k", '"8e03978e-40d5"', "a b", "~".repeat(255)])("may be %j", (key) => {
    expect(idOf({ "idempotency-key": key })).toMatch(/^[\w-]{43}$/);
  });

  test.each(["", " a", "a\u00e9", "a\tb", "x".repeat(256)])("is not %j", (key) => {
    expect(read({ "idempotency-key": key })).toEqual({
      status: 400,
      code: "PLONK_BAD_REQUEST",
      message: "Idempotency-Key: expected 1 to 255 visible characters",
    });
  });
});

describe("X-Retry headers", () => {
  test("say of one call what annotations say of a function's", () => {
    const headers = {
      "x-retry-attempts": "3",
      "x-retry-codes": "418, 503",
      "x-retry-min-wait": "500ms",
      "x-retry-max-wait": "2m",
    };
    const retry = { attempts: 3, codes: [418, 503], minWaitMs: 500, maxWaitMs: 120_000 };
    expect(read(headers)).toEqual({ ...NONE, retry });
  });

  test("say nothing of what they do not name", () => {
    expect(read({ "x-retry-codes": "" })).toEqual({ ...NONE, retry: { codes: [] } });
    expect(read({ "x-retry-attempts": "1" })).toEqual({ ...NONE, retry: { attempts: 1 } });
  });

  test.each([
    ["x-retry-attempts", "0", "X-Retry-Attempts: expected a whole number from 1 to 1000"],
    ["x-retry-attempts", "", "X-Retry-Attempts: expected a whole number from 1 to 1000"],
    ["x-retry-attempts", "3, 4", "X-Retry-Attempts: expected a whole number from 1 to 1000"],
    ["x-retry-codes", "5xx", "X-Retry-Codes: expected HTTP statuses such as 429,503"],
    ["x-retry-min-wait", "soon", "X-Retry-Min-Wait: expected a duration such as 30s, at most 24h"],
    ["x-retry-max-wait", "25h", "X-Retry-Max-Wait: expected a duration such as 30s, at most 24h"],
  ])("%s of %j is refused", (name, text, message) => {
    expect(read({ [name]: text })).toMatchObject({ status: 400, message });
  });
});
