/** What a process writes on stderr, as lines of the log. */
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { logLines } from "../../../services/watchdog/log-lines.ts";
import { runs } from "../../support/property-runs.ts";

async function linesOf(pieces: readonly (string | Buffer)[]): Promise<string[]> {
  const stream = new PassThrough();
  const lines: string[] = [];
  logLines(stream, (line) => lines.push(line));
  for (const piece of pieces) {
    stream.write(piece);
  }
  await once(stream.end(), "close");
  return lines;
}

const UMLAUT = Buffer.from("ü\n");

test.each<[string, (string | Buffer)[], string[]]>([
  ["nothing", [], []],
  ["lines", ["one\ntwo\n\nfour"], ["one", "two", "", "four"]],
  ["a line in pieces", ["on", "e", "\ntwo\n"], ["one", "two"]],
  [
    "every kind of line end",
    ["a\r\nb\rc\n", "d\r", "\ne\r", "f\r"],
    ["a", "b", "c", "d", "e", "f"],
  ],
  ["a letter in pieces", [UMLAUT.subarray(0, 1), UMLAUT.subarray(1)], ["ü"]],
])("%s", async (_kind, pieces, lines) => {
  expect(await linesOf(pieces)).toStrictEqual(lines);
});

test("a line without an end is logged in pieces of 64 KiB", async () => {
  const piece = "x".repeat(64 * 1024);
  expect(await linesOf([piece, piece, `${piece}x\ny`])).toStrictEqual([
    piece,
    piece,
    piece,
    "x",
    "y",
  ]);
});

test("a character of two code units is in one piece", async () => {
  const lines = await linesOf([`${"x".repeat(64 * 1024 - 1)}😀y\n`]);
  expect(lines.map((line) => line.slice(-3))).toStrictEqual(["xxx", "😀y"]);
});

test("any text comes as its lines, however it is cut", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.stringMatching(/^[ab\n]{0,9}$/)), async (pieces) => {
      const expected = pieces.join("").split("\n");
      const last = expected.pop() ?? "";
      expect(await linesOf(pieces)).toStrictEqual(last === "" ? expected : [...expected, last]);
    }),
    { numRuns: runs(100) },
  );
});
