/** What is said on a terminal, and elsewhere. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { createProgress } from "../../../toolchain/progress.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function createStream(isTTY: boolean, columns = 60) {
  const written: string[] = [];
  return { isTTY, columns, written, write: (text: string) => written.push(text) };
}

describe("without a terminal", () => {
  test("each step is one line, and a long one is said again", () => {
    const stream = createStream(false);
    const task = createProgress(stream).start("pulumi");
    task.report("downloading");
    task.report("compiling");
    jest.advanceTimersByTime(31_000);
    task.end();
    expect(stream.written).toEqual([
      "pulumi: downloading\n",
      "pulumi: compiling\n",
      "pulumi: compiling, 15s\n",
      "pulumi: compiling, 30s\n",
    ]);
  });

  test("a heartbeat says how far a download is", () => {
    const stream = createStream(false);
    const task = createProgress(stream).start("k3s");
    task.report("downloading");
    task.bytes(31_500_000, 63_000_000);
    jest.advanceTimersByTime(75_100);
    task.end();
    expect(stream.written[1]).toBe("k3s: downloading 31.5 of 63.0 MB (50%), 15s\n");
    expect(stream.written.at(-1)).toBe("k3s: downloading 31.5 of 63.0 MB (50%), 1m15s\n");
  });

  test("nothing is said once all has ended", () => {
    const stream = createStream(false);
    const progress = createProgress(stream);
    const task = progress.start("k3s");
    task.report("x");
    task.end();
    jest.advanceTimersByTime(60_000);
    expect(stream.written).toEqual(["k3s: x\n"]);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe("on a terminal", () => {
  test("each tool has one line that is drawn anew", () => {
    const stream = createStream(true);
    const progress = createProgress(stream);
    const first = progress.start("a");
    const second = progress.start("b");
    first.report("one");
    second.report("two");
    first.bytes(1_000_000, undefined);
    jest.advanceTimersByTime(200);
    expect(stream.written).toEqual([
      "a: one, 0s\n",
      "\x1b[1A\x1b[0Ja: one, 0s\nb: two, 0s\n",
      "\x1b[2A\x1b[0Ja: one 1.0 MB, 0s\nb: two, 0s\n",
    ]);
    first.end();
    second.end();
    expect(stream.written.at(-1)).toBe("\x1b[1A\x1b[0J");
  });

  test("a note stays above the lines", () => {
    const stream = createStream(true);
    const progress = createProgress(stream);
    const task = progress.start("a");
    task.report("one");
    progress.note("github.com: cannot be downloaded from");
    task.end();
    expect(stream.written[1]).toBe(
      "\x1b[1A\x1b[0Jgithub.com: cannot be downloaded from\na: one, 0s\n",
    );
  });

  test("a line is never wider than the terminal", () => {
    const stream = createStream(true, 30);
    const task = createProgress(stream).start("tool");
    task.report("x".repeat(100));
    task.end();
    expect(stream.written[0]).toBe(`tool: ${"x".repeat(23)}\n`);
  });
});
