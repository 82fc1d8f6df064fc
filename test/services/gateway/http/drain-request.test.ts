/** What is still to come of a request after its answer: read and dropped, or cut off. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { drainRequest, mustCloseAfter } from "../../../../services/gateway/http/drain-request.ts";
import { fakeOnly } from "../../../support/clock.ts";

const MIB = 1024 * 1024;

interface Parts {
  headers?: IncomingHttpHeaders;
  complete?: boolean;
}

/** A request whose body a test writes; `cut` counts how often its connection was closed. */
class FakeRequest extends PassThrough {
  readonly headers: IncomingHttpHeaders;
  complete: boolean;
  cut = 0;
  readonly socket = { destroySoon: () => (this.cut += 1) };

  constructor({ headers = { "content-length": "9" }, complete = false }: Parts = {}) {
    super();
    this.headers = headers;
    this.complete = complete;
  }

  get asRequest(): IncomingMessage {
    return this as unknown as IncomingMessage;
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => fakeOnly("setTimeout", "clearTimeout"));

afterEach(() => {
  jest.useRealTimers();
});

describe("mustCloseAfter", () => {
  test.each<[Parts, boolean]>([
    [{ headers: {} }, false],
    [{ headers: { "content-length": "0" } }, false],
    [{ headers: { "content-length": String(MIB) } }, false],
    [{ headers: { "content-length": String(MIB + 1) } }, true],
    [{ headers: { "content-length": String(MIB + 1) }, complete: true }, false],
    [{ headers: { "transfer-encoding": "chunked" } }, true],
    [{ headers: { "transfer-encoding": "chunked" }, complete: true }, false],
    // Its caller may or may not send the body, now that there is an answer.
    [{ headers: { "content-length": "1", expect: "100-continue" } }, true],
    [{ headers: { "content-length": "0", expect: "100-continue" } }, false],
  ])("of %j is %s", (parts, expected) => {
    expect(mustCloseAfter(new FakeRequest(parts).asRequest)).toBe(expected);
  });
});

describe("a request that is drained", () => {
  test.each<[string, Parts]>([
    ["is complete", { complete: true }],
    ["has no body", { headers: {} }],
  ])("is left alone where it %s", (_what, parts) => {
    const request = new FakeRequest(parts);
    const done = jest.fn();
    drainRequest(request.asRequest, done);
    expect([done.mock.calls.length, request.readableFlowing, jest.getTimerCount()]).toEqual([
      ...[1, null, 0],
    ]);
  });

  test("is done with at once where its connection has gone", () => {
    const request = new FakeRequest();
    request.destroy();
    const done = jest.fn();
    drainRequest(request.asRequest, done);
    expect([done.mock.calls.length, jest.getTimerCount()]).toEqual([1, 0]);
  });

  test("is done with when all of it has come, and the connection goes on", async () => {
    const request = new FakeRequest();
    const done = jest.fn();
    drainRequest(request.asRequest, done);
    request.write("abc");
    await settle();
    expect(done).not.toHaveBeenCalled();
    request.end("def");
    await settle();
    expect([done.mock.calls.length, request.cut, jest.getTimerCount()]).toEqual([1, 0, 0]);
  });

  test("is done with when it breaks off", async () => {
    const request = new FakeRequest();
    const done = jest.fn();
    drainRequest(request.asRequest, done);
    request.destroy();
    await settle();
    expect([done.mock.calls.length, request.cut, jest.getTimerCount()]).toEqual([1, 0, 0]);
  });

  test("is cut off beyond a MiB, and not before", async () => {
    const request = new FakeRequest();
    const done = jest.fn();
    drainRequest(request.asRequest, done);
    request.write(Buffer.alloc(MIB));
    await settle();
    expect([done.mock.calls.length, request.cut]).toEqual([0, 0]);
    request.write("x");
    await settle();
    request.write("y");
    await settle();
    expect([done.mock.calls.length, request.cut, jest.getTimerCount()]).toEqual([1, 1, 0]);
  });

  test("is cut off after two seconds, however it drips", async () => {
    const request = new FakeRequest();
    const done = jest.fn();
    drainRequest(request.asRequest, done);
    for (let turn = 0; turn < 19; turn++) {
      jest.advanceTimersByTime(100);
      request.write("x");
    }
    await settle();
    jest.advanceTimersByTime(99);
    expect([done.mock.calls.length, request.cut]).toEqual([0, 0]);
    jest.advanceTimersByTime(1);
    await settle();
    expect([done.mock.calls.length, request.cut]).toEqual([1, 1]);
  });

  test("is not cut off where all of it was read by somebody else", async () => {
    const request = new FakeRequest();
    const done = jest.fn();
    drainRequest(request.asRequest, done);
    request.complete = true;
    jest.advanceTimersByTime(2000);
    await settle();
    expect([done.mock.calls.length, request.cut, jest.getTimerCount()]).toEqual([1, 0, 0]);
  });

  test("is not cut off where its rest came while the process was busy", async () => {
    const request = new FakeRequest();
    const done = jest.fn();
    drainRequest(request.asRequest, done);
    jest.advanceTimersByTime(10_000);
    request.end("all of it");
    await settle();
    expect([done.mock.calls.length, request.cut]).toEqual([1, 0]);
  });

  test("goes no more where it went before", async () => {
    const request = new FakeRequest();
    const elsewhere = new PassThrough();
    request.pipe(elsewhere);
    drainRequest(request.asRequest);
    request.end("rest");
    await settle();
    expect(elsewhere.readableLength).toBe(0);
  });
});
