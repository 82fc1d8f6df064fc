/** What a failed request means, and the pauses that follow. */
import { describe, expect, test } from "@jest/globals";
import { Attempts, toRetryAfter } from "../../../toolchain/acquire/attempts.ts";
import { toConnectionFailure, toStatusFailure } from "../../../toolchain/acquire/failure.ts";
import { FakeClock } from "./support/clock.ts";

describe("a failure", () => {
  test.each([
    [{ code: "ENOTFOUND" }, "refusal", "its name is unknown"],
    [{ code: "EAI_AGAIN" }, "refusal", "its name cannot be looked up"],
    [{ code: "ECONNREFUSED" }, "refusal", "connection refused"],
    [{ code: "EHOSTUNREACH", message: "no route" }, "refusal", "EHOSTUNREACH: no route"],
    [{ code: "UND_ERR_CONNECT_TIMEOUT" }, "refusal", "no connection in time"],
    [{ code: "ECONNRESET" }, "outage", "connection reset"],
    [{ errors: [{ code: "EPIPE", message: "pipe" }, {}] }, "outage", "EPIPE: pipe"],
    [
      {
        code: "UND_ERR_ABORTED",
        message: "Proxy response (503) !== 200 when HTTP Tunneling",
      },
      "refusal",
      "HTTP 503 from the proxy",
    ],
    [{ message: "unlike any other" }, "refusal", "unlike any other"],
  ])("of the connection, %j, is told apart", (error, kind, reason) => {
    expect(toConnectionFailure(error)).toEqual({ kind, reason, isAnswer: false, retryAfter: 0 });
  });

  test.each([
    [200, false, undefined],
    [206, false, undefined],
    [416, false, undefined],
    [404, false, "final"],
    [410, true, "final"],
    [401, false, "refusal"],
    [401, true, "final"],
    [403, true, "final"],
    [511, false, "refusal"],
    [503, false, "outage"],
    [503, true, "outage"],
  ])("by the answer %i (of a mirror: %j) is told apart", (statusCode, isMirror, kind) => {
    expect(toStatusFailure({ statusCode, headers: {} }, { isMirror })?.kind).toBe(kind);
  });

  test("is followed by pauses for so long, and from the start after progress", async () => {
    const clock = new FakeClock();
    const attempts = new Attempts(clock);
    const failAndPause = async (limit: number, wanted = 0): Promise<number | undefined> => {
      const pause = attempts.fail(limit, wanted);
      if (pause !== undefined) {
        await clock.pause(pause);
      }
      return pause;
    };
    expect(attempts.elapsed).toBe(0);
    expect(await failAndPause(5000)).toBe(1000);
    expect(await failAndPause(5000, 1500)).toBe(2000);
    expect(await failAndPause(5000)).toBe(2000);
    expect(attempts.elapsed).toBe(5000);
    expect(await failAndPause(5000)).toBeUndefined();
    attempts.reset();
    expect(await failAndPause(5000, 3000)).toBe(3000);
    expect(await failAndPause(5000, 2001)).toBeUndefined();
  });

  test.each([
    [undefined, 0],
    ["0", 0],
    ["120", 120_000],
    ["Thu, 01 Jan 1970 00:00:10 GMT", 9000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["soon", 0],
    [["1", "2"], 0],
  ])("with Retry-After %j asks for %i ms", (header, milliseconds) => {
    expect(toRetryAfter(header, 1000)).toBe(milliseconds);
  });
});
