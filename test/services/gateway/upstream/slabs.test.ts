/** Memory that is read into again: never while somebody needs what is in it. */
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { CallControl } from "../../../../services/gateway/upstream/exchange.ts";
import { Slab, writeChunk } from "../../../../services/gateway/upstream/slabs.ts";
import { collectCleanups } from "../../../support/cleanup.ts";
import { beginCallTo, KeptAnswer } from "../../../support/kept-answer.ts";
import { PlayedServer } from "../../../support/played-server.ts";

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
    bytes: Buffer | string;
    /** The bytes in latin1 when they were written. */
    text: string;
    taken: ((error?: Error | null) => void) | undefined;
  }

  function createResponse(): { response: ServerResponse; writes: Write[] } {
    const writes: Write[] = [];
    const write = (bytes: Buffer | string, ...rest: (string | Write["taken"])[]): boolean => {
      const taken = rest.find((one) => typeof one === "function");
      return writes.push({ bytes, text: toText(bytes), taken }) > 1;
    };
    return { response: { write } as unknown as ServerResponse, writes };
  }

  const toText = (bytes: Buffer | string): string =>
    typeof bytes === "string" ? bytes : bytes.toString("latin1");

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

  test.each([1, 8192, 8193, 32_768])("of %s bytes is a copy", (length) => {
    const slab = Slab.take();
    const { response, writes } = createResponse();
    const chunk = slab.bytes.subarray(0, length).fill("\xe9", "latin1");
    writeChunk(response, chunk, slab);
    expect(slab.isShared).toBe(false);
    chunk.fill("b");
    expect(writes).toHaveLength(1);
    expect(String(writes[0]?.text)).toBe("\xe9".repeat(length));
    slab.release();
  });
});

describe("a connection's memory", () => {
  const BYTES = 100_000;

  /** Holds what it is given of an answer. */
  class Holder extends KeptAnswer {
    readonly held: { chunk: Buffer; slab: Slab }[] = [];

    override onResponseData(control: CallControl, chunk: Buffer, slab?: Slab): void {
      super.onResponseData(control, chunk);
      if (slab !== undefined) {
        slab.hold();
        this.held.push({ chunk, slab });
      }
    }

    /** The letters in what it holds. */
    get letters(): string {
      const all = this.held.map(({ chunk }) => chunk.toString());
      return [...new Set(all.join(""))].join("");
    }

    get slabs(): Slab[] {
      return this.held.map(({ slab }) => slab);
    }
  }

  test("stays as it is while somebody holds it, and is read into again after that", async () => {
    const server = await PlayedServer.start();
    onTestEnd(() => server.stop());
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${BYTES}\r\n\r\n`;
    server.answerWith(...["a", "b", "c"].map((letter) => head + letter.repeat(BYTES)));
    const call = async (): Promise<Holder> => {
      const holder = new Holder();
      await beginCallTo(server.upstream, {}, holder).ended;
      return holder;
    };
    const [first, second] = [await call(), await call()];
    expect([first.letters, second.letters]).toEqual(["a", "b"]);
    first.slabs.forEach((slab) => slab.release());
    const third = await call();
    expect([second.letters, third.letters]).toEqual(["b", "c"]);
    expect(third.slabs.some((slab) => first.slabs.includes(slab))).toBe(true);
    [...second.slabs, ...third.slabs].forEach((slab) => slab.release());
  });
});
