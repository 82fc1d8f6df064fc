/** Bodies: whether there is one, whether it is kept, and how it is read or passed on. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { PassThrough, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  hasBody,
  isSmall,
  readBody,
  REPLAYABLE_BYTES,
  StreamedBody,
} from "../../../../services/gateway/http/request-body.ts";
import { runs } from "../../../support/property-runs.ts";

const withHeaders = (headers: IncomingHttpHeaders): IncomingMessage =>
  ({ headers }) as unknown as IncomingMessage;

/** A request whose body a test writes. */
function createRequest(): PassThrough & IncomingMessage {
  return new PassThrough() as unknown as PassThrough & IncomingMessage;
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a request", () => {
  test.each<[IncomingHttpHeaders, boolean, boolean]>([
    [{}, false, false],
    [{ "content-length": "0" }, false, true],
    [{ "content-length": "1" }, true, true],
    [{ "content-length": "00" }, true, true],
    [{ "content-length": String(REPLAYABLE_BYTES) }, true, true],
    [{ "content-length": String(REPLAYABLE_BYTES + 1) }, true, false],
    [{ "transfer-encoding": "chunked" }, true, false],
  ])("with %j has a body: %s, and a small one: %s", (headers, has, small) => {
    expect([hasBody(withHeaders(headers)), isSmall(withHeaders(headers))]).toEqual([has, small]);
  });

  test("is kept up to 128 KiB", () => {
    expect(REPLAYABLE_BYTES).toBe(131_072);
  });
});

describe("readBody", () => {
  const fault = (error: unknown): never => {
    throw error;
  };

  function read(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) =>
      readBody(request, limit, { done: resolve, fault: reject }),
    );
  }

  test("tells of a fault in who takes the body, and in nothing else", async () => {
    for (const body of ["abc", "abcd"]) {
      const request = createRequest();
      const told: unknown[] = [];
      const done = (): never => {
        throw new TypeError("push is not a function");
      };
      readBody(request, 3, { done, fault: (error) => told.push(error) });
      request.end(body);
      await settle();
      expect(told).toEqual([new TypeError("push is not a function")]);
    }
  });

  test("gives all of a body, however it is cut and up to the last byte of the limit", async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.nat(120), async (parts, limit) => {
        const request = createRequest();
        const done = read(request, limit);
        parts.forEach((part) => request.write(part));
        request.end();
        const whole = Buffer.concat(parts);
        expect(await done).toEqual(whole.length <= limit ? whole : undefined);
      }),
      { numRuns: runs(200) },
    );
  });

  test("stops to read where the limit is passed, and tells so once", async () => {
    const request = createRequest();
    const told: unknown[] = [];
    readBody(request, 3, { done: (body) => told.push(body), fault });
    request.write("ab");
    await settle();
    expect(told).toEqual([]);
    request.write("cd");
    await settle();
    expect([told, request.isPaused()]).toEqual([[undefined], true]);
    request.end("more");
    request.resume();
    await settle();
    expect([told, request.listenerCount("data")]).toEqual([[undefined], 0]);
  });

  test("tells nothing of a body that breaks off", async () => {
    const request = createRequest();
    const told: unknown[] = [];
    readBody(request, 10, { done: (body) => told.push(body), fault });
    request.write("ab");
    await settle();
    request.destroy();
    await settle();
    expect(told).toEqual([]);
  });

  test("keeps the one chunk that it gets as it is, and frees what it has copied", async () => {
    const only = Buffer.alloc(64 * 1024, "x");
    const one = createRequest();
    const whole = read(one, 1e6);
    one.end(only);
    expect((await whole)?.buffer).toBe(only.buffer);
    expect(only.buffer).toHaveProperty("detached", false);
    const halves = [Buffer.alloc(64 * 1024, "a"), Buffer.alloc(64 * 1024, "b")];
    const two = createRequest();
    const joined = read(two, 1e6);
    halves.forEach((half) => two.write(half));
    two.end();
    const body = String(await joined);
    expect(body === "a".repeat(65_536) + "b".repeat(65_536)).toBe(true);
    expect(halves.map(({ buffer }) => buffer.detached)).toEqual([true, true]);
  });
});

describe("a body that is streamed", () => {
  function createBody(length?: number): {
    request: PassThrough & IncomingMessage;
    body: StreamedBody;
  } {
    const request = createRequest();
    request.headers = length === undefined ? {} : { "content-length": String(length) };
    return { request, body: new StreamedBody(request) };
  }

  test("is not read before it begins, so that the call can still go elsewhere", async () => {
    const { request, body } = createBody(10);
    request.write("early");
    await settle();
    expect([request.readableFlowing, body.isSent]).toEqual([null, false]);
    const second = new StreamedBody(request);
    const sent = new PassThrough();
    let moves = 0;
    second.begin(sent, () => (moves += 1));
    request.end(" late");
    await settle();
    expect([second.isSent, moves, await text(sent.end())]).toEqual([true, 2, "early late"]);
  });

  test("is sent in chunks where its length is not known", async () => {
    const { request, body } = createBody();
    const sent = new PassThrough();
    body.begin(sent, () => undefined);
    request.write("some");
    request.end("x".repeat(17));
    await settle();
    expect(body.isSent).toBe(true);
    expect(await text(sent.end())).toBe(`4\r\nsome\r\n11\r\n${"x".repeat(17)}\r\n0\r\n\r\n`);
  });

  test.each([undefined, 16_000_000])(
    "of length %s goes no faster than its reader",
    async (length) => {
      const { request, body } = createBody(length);
      const waiting: (() => void)[] = [];
      let isReading = false;
      const write = (_chunk: Buffer, _encoding: string, taken: () => void): void => {
        if (isReading) {
          taken();
        } else {
          waiting.push(taken);
        }
      };
      let moves = 0;
      body.begin(new Writable({ write }), () => (moves += 1));
      let isTaken = true;
      for (let turn = 0; turn < 100 && isTaken; turn++) {
        isTaken = request.write(Buffer.alloc(16 * 1024));
        await settle();
      }
      expect([isTaken, body.isStuck, request.isPaused()]).toEqual([false, true, true]);
      const before = moves;
      const drained = new Promise((resolve) => request.once("drain", resolve));
      isReading = true;
      waiting.forEach((taken) => taken());
      await drained;
      await settle();
      expect([body.isStuck, request.isPaused(), moves > before]).toEqual([false, false, true]);
    },
  );

  test("that is stopped is not sent on, and leaves its caller's connection alone", async () => {
    const { request, body } = createBody();
    const sent = new PassThrough();
    body.stop();
    body.begin(sent, () => undefined);
    request.write("ab");
    await settle();
    body.stop();
    request.end("cd");
    request.resume();
    await settle();
    expect([body.isSent, await text(sent.end())]).toEqual([false, "2\r\nab\r\n"]);
    expect(["data", "end"].map((name) => request.listenerCount(name))).toEqual([0, 0]);
  });
});
