/** Bodies that do not come in time. */
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { CallClock } from "../../../../services/gateway/calls/call-clock.ts";
import { limitReading } from "../../../../services/gateway/calls/read-limit.ts";
import { fakeOnly } from "../../../support/clock.ts";

/** What a response was told. */
class KeptResponse extends EventEmitter {
  readonly socket = {};
  headersSent = false;
  destroyed = false;
  status = 0;
  headers: string[] = [];
  body = "";

  writeHead(status: number, headers: string[]): this {
    Object.assign(this, { status, headers, headersSent: true });
    return this;
  }

  write(body: string): void {
    this.body += body;
  }

  end(body = ""): void {
    this.body += body;
  }

  destroy(): void {
    this.destroyed = true;
  }
}

let clock: CallClock;

beforeEach(() => {
  fakeOnly("setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance");
  clock = new CallClock();
});

afterEach(() => {
  jest.useRealTimers();
});

function limit(
  { headers = { "content-length": "5" }, complete = false }: Partial<IncomingMessage>,
  readTimeoutMs = 1000,
): { request: { complete: boolean }; response: KeptResponse } {
  const request = { headers, complete, destroyed: true, method: "POST" };
  const response = new KeptResponse();
  const pair = { request, response } as unknown as {
    request: IncomingMessage;
    response: ServerResponse;
  };
  limitReading({ clock, readTimeoutMs }, pair, ["X-Call-Id", "id-1"]);
  return { request, response };
}

/** Runs the clock for a time; it ticks every 100 ms. */
const pass = (milliseconds: number): void => jest.advanceTimersByTime(milliseconds);

describe("a body that does not come", () => {
  test("is answered with 408, once its time from the first look on is over", () => {
    const { response } = limit({});
    pass(1100);
    expect(response.status).toBe(0);
    pass(100);
    expect([response.status, response.body]).toEqual([
      408,
      "The body of the request did not come in time.",
    ]);
    expect(response.headers).toEqual(expect.arrayContaining(["X-Call-Id", "id-1"]));
  });

  test.each([
    [{ "content-length": "5" }, 408],
    [{ "transfer-encoding": "chunked" }, 408],
    [{ "content-length": "0" }, 0],
    [{}, 0],
  ])("with the headers %j is answered with %d", (headers, status) => {
    const { response } = limit({ headers });
    pass(5000);
    expect(response.status).toBe(status);
  });

  test("is answered once", () => {
    const { response } = limit({});
    pass(1200);
    response.body = "";
    pass(5000);
    expect([response.body, response.destroyed]).toEqual(["", false]);
  });

  test("breaks an answer off that has begun before it", () => {
    const { response } = limit({});
    response.headersSent = true;
    pass(1200);
    expect([response.status, response.destroyed]).toEqual([0, true]);
  });
});

describe("a body is not looked after", () => {
  test("when it has come meanwhile", () => {
    const { request, response } = limit({});
    pass(900);
    request.complete = true;
    pass(5000);
    expect([response.status, jest.getTimerCount()]).toEqual([0, 0]);
  });

  test("when its answer has ended before", () => {
    const { response } = limit({});
    response.emit("close");
    pass(5000);
    expect([response.status, jest.getTimerCount()]).toEqual([0, 0]);
  });

  test.each([
    ["it was there with its head", { complete: true }, 1000],
    ["there is no limit", {}, 0],
  ])("when %s", (_what, parts, readTimeoutMs) => {
    limit(parts, readTimeoutMs);
    expect(jest.getTimerCount()).toBe(0);
  });
});
