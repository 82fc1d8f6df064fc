/** What the gateway says about a call: to the function, and to the caller. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { beginCall, type Call } from "../../../../services/gateway/calls/call.ts";
import { VERSION } from "../../../../services/lib/version.ts";

const begin = (headers: IncomingHttpHeaders = {}): Call =>
  beginCall({ headers } as unknown as IncomingMessage);
const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

afterEach(() => {
  jest.restoreAllMocks();
});

describe("a call", () => {
  test("keeps the caller's id", () => {
    expect(begin({ "x-call-id": "mine-1" }).callId).toBe("mine-1");
  });

  test.each([undefined, "", "a b", "x".repeat(257), "\u00e4"])(
    "gets an id of its own in the place of %j",
    (id) => {
      const [one, two] = [begin({ "x-call-id": id }), begin({ "x-call-id": id })];
      expect(one.callId).toMatch(UUID);
      expect(one.callId).not.toBe(two.callId);
    },
  );

  test("tells the function and the caller the same", () => {
    jest.spyOn(Date, "now").mockReturnValue(1_700_000_000_123);
    const { callId, startTime, own } = begin({ "x-call-id": "mine-1" });
    expect(own).toEqual([
      ...["X-Call-Id", callId],
      ...["X-Start-Time", startTime],
      ...["X-Served-By", `plonk/${VERSION}`],
    ]);
  });

  test("has begun at a time in nanoseconds, by the clock of the day", () => {
    jest.spyOn(Date, "now").mockReturnValue(1_700_000_000_123);
    expect(begin().startTime).toBe("1700000000123000000");
  });

  test("is measured by a clock that nobody sets", () => {
    jest.spyOn(performance, "now").mockReturnValue(4711.5);
    expect(begin().startedAt).toBe(4711.5);
  });
});
