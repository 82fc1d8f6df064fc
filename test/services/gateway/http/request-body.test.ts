/** Bodies: whether there is one, whether it is kept, and how it is read or passed on. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { PassThrough } from "node:stream";
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
  test("gives all of a body, however it is cut and up to the last byte of the limit", async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.nat(120), async (parts, limit) => {
        const request = createRequest();
        const done = new Promise((resolve) => readBody(request, limit, resolve));
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
    readBody(request, 3, (body) => told.push(body));
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
    readBody(request, 10, (body) => told.push(body));
    request.write("ab");
    await settle();
    request.destroy();
    await settle();
    expect(told).toEqual([]);
  });

  test("keeps the one chunk that it gets as it is, and frees what it has copied", async () => {
    const only = Buffer.alloc(64 * 1024, "x");
    const one = createRequest();
    const whole = new Promise<Buffer | undefined>((resolve) => readBody(one, 1e6, resolve));
    one.end(only);
    expect((await whole)?.buffer).toBe(only.buffer);
    expect(only.buffer).toHaveProperty("detached", false);
    const halves = [Buffer.alloc(64 * 1024, "a"), Buffer.alloc(64 * 1024, "b")];
    const two = createRequest();
    const joined = new Promise<Buffer | undefined>((resolve) => readBody(two, 1e6, resolve));
    halves.forEach((half) => two.write(half));
    two.end();
    const body = String(await joined);
    expect(body === "a".repeat(65_536) + "b".repeat(65_536)).toBe(true);
    expect(halves.map(({ buffer }) => buffer.detached)).toEqual([true, true]);
  });
});

describe("a body that is streamed", () => {
  test("is not read before it begins, so that the call can still go elsewhere", async () => {
    const request = createRequest();
    request.write("early");
    const first = new StreamedBody(request);
    await settle();
    expect([first.stream.readableLength, request.readableFlowing]).toEqual([0, null]);
    const second = new StreamedBody(request);
    second.begin();
    request.end(" late");
    expect(await text(second.stream)).toBe("early late");
  });

  test("goes no faster than its reader", async () => {
    const request = createRequest();
    const body = new StreamedBody(request);
    body.begin();
    let isTaken = true;
    for (let turn = 0; turn < 100 && isTaken; turn++) {
      isTaken = request.write(Buffer.alloc(16 * 1024));
      await settle();
    }
    expect([isTaken, body.stream.writableNeedDrain]).toEqual([false, true]);
    body.stream.resume();
    await new Promise((resolve) => request.once("drain", resolve));
    expect(request.writableNeedDrain).toBe(false);
  });

  test("may be broken by its reader, which is no error of its own", async () => {
    const request = createRequest();
    const body = new StreamedBody(request);
    body.begin();
    body.stream.destroy(new Error("the call is over"));
    await settle();
    expect(body.stream.destroyed).toBe(true);
    request.destroy();
  });
});
