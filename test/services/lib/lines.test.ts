/** Lines out of chunks. */
import { Readable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { LineTooLongError, readLines } from "../../../services/lib/lines.ts";
import { runs } from "../../support/property-runs.ts";

async function collect(chunks: (Buffer | string)[], max?: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(Readable.from(chunks), max)) {
    lines.push(line);
  }
  return lines;
}

describe("readLines", () => {
  test("gives lines without their ends, and a last one without end", async () => {
    expect(await collect(["a\nb", "c\r\n\nd"])).toEqual(["a", "bc", "", "d"]);
  });

  test("puts characters together that were cut in two", async () => {
    const bytes = Buffer.from("grün\n");
    expect(await collect([bytes.subarray(0, 3), bytes.subarray(3)])).toEqual(["grün"]);
  });

  test("gives up on a line that is too long", async () => {
    await expect(collect(["x".repeat(11)], 10)).rejects.toThrow(LineTooLongError);
  });

  test("gives the same lines however the text is cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "grapheme" }).map((line) => line.replace(/[\r\n]/g, ""))),
        fc.integer({ min: 1, max: 7 }),
        async (lines, size) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
          const chunks: Buffer[] = [];
          for (let start = 0; start < bytes.length; start += size) {
            chunks.push(bytes.subarray(start, start + size));
          }
          expect(await collect(chunks)).toEqual(lines);
        },
      ),
      { numRuns: runs(50) },
    );
  });
});
