/** Memory that is read into again: never while somebody needs what is in it. */
import type { ServerResponse } from "node:http";
import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { CallControl } from "../../../../services/gateway/upstream/connection.ts";
import { Connections } from "../../../../services/gateway/upstream/connections.ts";
import { Slab, writeChunk } from "../../../../services/gateway/upstream/slabs.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { collectCleanups } from "../../../support/cleanup.ts";
import { beginCallTo, KeptAnswer } from "../../../support/kept-answer.ts";

const onTestEnd = collectCleanups(afterEach);

describe("a slab", () => {
  test("is used again when all who hold it have let it go", () => {
    const slab = Slab.take();
    expect(slab.isShared).toBe(false);
    slab.hold();
    expect(slab.isShared).toBe(true);
    slab.release();
    const other = Slab.take();
    expect(other).not.toBe(slab);
    slab.release();
    expect(Slab.take()).toBe(slab);
    [slab, other].forEach((one) => one.release());
  });
});

describe("a chunk that is written", () => {
  interface Write {
    bytes: Buffer;
    taken: ((error?: Error | null) => void) | undefined;
  }

  function createResponse(): { response: ServerResponse; writes: Write[] } {
    const writes: Write[] = [];
    const write = (bytes: Buffer, taken?: Write["taken"]): boolean =>
      writes.push({ bytes, taken }) > 1;
    return { response: { write } as unknown as ServerResponse, writes };
  }

  test("holds its memory until the system has it", () => {
    const slab = Slab.take();
    const { response, writes } = createResponse();
    const chunk = slab.bytes.subarray(10, 50_000);
    expect(writeChunk(response, chunk, slab)).toBe(false);
    expect([writes[0]?.bytes, slab.isShared]).toEqual([chunk, true]);
    writes[0]?.taken?.();
    expect(slab.isShared).toBe(false);
    slab.release();
  });

  test("holds it for good where that fails", () => {
    const slab = Slab.take();
    const { response, writes } = createResponse();
    writeChunk(response, slab.bytes, slab);
    writes[0]?.taken?.(new Error("gone"));
    expect(slab.isShared).toBe(true);
    slab.release();
    expect(Slab.take()).not.toBe(slab);
  });

  test("is a copy where it is small, and itself where the memory is its own", () => {
    const slab = Slab.take();
    const { response, writes } = createResponse();
    const small = slab.bytes.subarray(0, 4096).fill("a");
    const own = Buffer.alloc(50_000);
    expect(writeChunk(response, small, slab)).toBe(false);
    expect(writeChunk(response, own, undefined)).toBe(true);
    small.fill("b");
    expect(writes.map(({ bytes }) => bytes.toString("latin1", 0, 1))).toEqual(["a", "\0"]);
    expect([slab.isShared, writes[1]?.bytes === own]).toEqual([false, true]);
    slab.release();
  });
});

describe("a connection's memory", () => {
  test("stays as it is while somebody holds it, and is read into again after that", async () => {
    const letters = ["a", "b", "c", "d"];
    const server = createServer((socket) => {
      socket
        .on("error", () => undefined)
        .on("data", () => {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${letters.shift() ?? ""}`);
        });
    });
    const port = await listen(server, 0, "127.0.0.1");
    const upstream = new Connections({ hostname: "127.0.0.1", port, host: "f", connectMs: 0 });
    onTestEnd(() => {
      upstream.destroy();
      server.close();
    });
    const kept: { chunk: Buffer; slab: Slab | undefined }[] = [];
    class Holder extends KeptAnswer {
      override onResponseData(control: CallControl, chunk: Buffer, slab?: Slab): void {
        super.onResponseData(control, chunk);
        slab?.hold();
        kept.push({ chunk, slab });
      }
    }
    const call = (): Promise<KeptAnswer> => beginCallTo(upstream, {}, new Holder()).ended;
    const seen = (): string => kept.map(({ chunk }) => chunk.toString()).join("");
    await call();
    await call();
    expect([seen(), kept[0]?.slab === kept[1]?.slab]).toEqual(["ab", false]);
    kept[0]?.slab?.release();
    await call();
    await call();
    // In the place of what nobody holds any more, and of nothing else.
    expect([seen(), kept[0]?.slab === kept[3]?.slab]).toEqual(["dbcd", true]);
  });
});
