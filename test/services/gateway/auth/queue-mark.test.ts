/** Marks on queued calls of private functions. */
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { admit, isAdmitted } from "../../../../services/gateway/auth/queue-mark.ts";

const key = randomBytes(32);
const functionKey = "openfaas-fn/f";
const now = 1_800_000_000_000;
const DAY = 24 * 3600_000;

describe("a mark", () => {
  const mark = admit(key, functionKey, now);

  test("is good for fourteen days", () => {
    expect(isAdmitted(key, { functionKey, mark, now })).toBe(true);
    expect(isAdmitted(key, { functionKey, mark, now: now + 14 * DAY - 1 })).toBe(true);
    expect(isAdmitted(key, { functionKey, mark, now: now + 14 * DAY })).toBe(false);
  });

  test("is good for its function and by its key only", () => {
    expect(isAdmitted(key, { functionKey: "openfaas-fn/g", mark, now })).toBe(false);
    expect(isAdmitted(randomBytes(32), { functionKey, mark, now })).toBe(false);
  });

  test.each([
    ["a later end", mark.replace(/^\d{13}/, String(now + 30 * DAY))],
    ["no end", mark.replace(/^\d+/, "")],
    ["no signature", mark.replace(/\..*/, ".")],
    ["a short signature", mark.slice(0, -1)],
    ["something behind it", `${mark}A`],
    ["nothing", ""],
  ])("is worth nothing with %s", (_what, text) => {
    expect(isAdmitted(key, { functionKey, mark: text, now })).toBe(false);
  });
});
