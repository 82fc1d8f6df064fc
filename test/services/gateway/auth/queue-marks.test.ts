/** The keys of marks as files: read at the start and again, the one before beside that of today. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type MarkedCall, toBodyDigest } from "../../../../services/gateway/auth/queue-mark.ts";
import { QueueMarks } from "../../../../services/gateway/auth/queue-marks.ts";
import { collectCleanups } from "../../../support/cleanup.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";
import { keyOf, MarkKeyFolder } from "../../../support/mark-keys.ts";

const onTestEnd = collectCleanups(afterEach);
const call: MarkedCall = { functionKey: "n/f", method: "POST", target: "", token: "a" };
const again: MarkedCall = { ...call, token: "b" };
const bodyDigest = toBodyDigest(Buffer.from("body"));
const DAY = 24 * 3_600_000;

let log: KeptLog;
let folder: MarkKeyFolder;

beforeEach(() => {
  log = createKeptLog();
  folder = new MarkKeyFolder();
  onTestEnd(() => folder.remove());
});

afterEach(() => {
  jest.useRealTimers();
});

const open = (): QueueMarks => new QueueMarks(folder.path, log.logger);
const make = (marks: QueueMarks): string => marks.make(call, bodyDigest) ?? "";

describe("gateways with the same key", () => {
  test("read each other's marks", () => {
    expect(open().canMark).toBe(true);
    expect(open().read(call, make(open()))).toEqual({ kind: "ours", bodyDigest });
  });

  test("take a line end behind a key for no part of it", () => {
    const mark = make(open());
    folder.write(`${keyOf("a")}\n`);
    expect(open().read(call, mark)).toEqual({ kind: "ours", bodyDigest });
    folder.write(`${keyOf("a")}\r\n`);
    expect(open().read(call, mark)).toEqual({ kind: "ours", bodyDigest });
  });
});

describe("a key that is changed", () => {
  test("makes no marks any more, and those that it has made stay good", () => {
    const mark = make(open());
    folder.write(keyOf("b"), keyOf("a"));
    const after = open();
    expect(after.read(call, mark)).toEqual({ kind: "ours", bodyDigest });
    const fresh = make(after);
    folder.write(keyOf("b"));
    expect(open().read(call, fresh)).toEqual({ kind: "ours", bodyDigest });
    expect(open().read(call, mark)).toEqual({ kind: "unknown key" });
  });

  test("is read without a new start, as mounted files change in place", () => {
    jest.useFakeTimers();
    const running = open();
    const mark = make(running);
    folder.write(keyOf("b"), keyOf("a"));
    expect(make(running).split(".")[1]).toBe(mark.split(".")[1]);
    jest.advanceTimersByTime(1000);
    expect(make(running).split(".")[1]).not.toBe(mark.split(".")[1]);
    expect(running.read(call, mark)).toEqual({ kind: "ours", bodyDigest });
  });

  test("and cannot be read leaves the keys as they were, which is told once", () => {
    jest.useFakeTimers();
    const running = open();
    const mark = make(running);
    folder.write("short");
    for (let round = 0; round < 3; round++) {
      jest.advanceTimersByTime(1000);
      expect(running.read(call, mark)).toEqual({ kind: "ours", bodyDigest });
    }
    expect(log.text().match(/keys of marks not readable/g)).toHaveLength(1);
    expect(log.text()).toContain("expected a file with at least 32 bytes, got 5");
  });
});

describe("a call that is accepted again", () => {
  test("gets a mark about its new self, whatever the age of the old one", () => {
    jest.useFakeTimers();
    const marks = open();
    const old = make(marks);
    jest.advanceTimersByTime(30 * DAY);
    expect(marks.read(call, old)).toEqual({ kind: "not ours" });
    const renewed = marks.renew(old, call, again) ?? "";
    expect(marks.read(again, renewed)).toEqual({ kind: "ours", bodyDigest });
    expect(marks.read(call, renewed)).toEqual({ kind: "not ours" });
  });

  test("gets the mark of today's key for one of the key before", () => {
    const old = make(open());
    folder.write(keyOf("b"), keyOf("a"));
    const renewed = open().renew(old, call, again) ?? "";
    folder.write(keyOf("b"));
    expect(open().read(again, renewed)).toEqual({ kind: "ours", bodyDigest });
  });

  test("gets none for one that is not about it, or of a key that is gone", () => {
    const old = make(open());
    expect(open().renew(old, { ...call, target: "/other" }, again)).toBeUndefined();
    expect(open().renew("forged", call, again)).toBeUndefined();
    folder.write(keyOf("b"));
    expect(open().renew(old, call, again)).toBeUndefined();
  });
});

describe("without keys", () => {
  test("there are no marks", () => {
    const without = new QueueMarks(undefined, log.logger);
    expect([without.canMark, without.make(call, bodyDigest)]).toEqual([false, undefined]);
    expect(without.read(call, make(open()))).toEqual({ kind: "unknown key" });
  });

  test("in the folder, nothing starts", () => {
    expect(() => new QueueMarks(join(folder.path, "none"), log.logger)).toThrow(
      "queue_secret_path: expected a file current in the folder, got none",
    );
  });

  test("that are long enough, nothing starts", () => {
    writeFileSync(join(folder.path, "current"), `${"x".repeat(31)}\n`);
    expect(open).toThrow("queue_secret_path: expected a file with at least 32 bytes, got 31");
    folder.write(keyOf("a"), "y");
    expect(open).toThrow("queue_secret_path: expected a file with at least 32 bytes, got 1");
  });

  test("that can be read, nothing starts, and no secret is told", () => {
    const path = join(folder.path, "current");
    expect(() => new QueueMarks(path, log.logger)).toThrow(/^queue_secret_path: ENOTDIR/);
  });
});
