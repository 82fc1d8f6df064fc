/** Kubernetes' quantities as numbers. */
import { describe, expect, test } from "@jest/globals";
import { isMatch, parseQuantity, QUANTITY } from "../../contract/index.ts";

describe("parseQuantity", () => {
  test.each([
    ["0", 0],
    ["2", 2],
    ["1500000n", 0.0015],
    ["250u", 0.00025],
    ["250m", 0.25],
    ["64Ki", 65_536],
    ["1.5Mi", 1_572_864],
    ["2Gi", 2_147_483_648],
    ["3k", 3000],
    ["1M", 1_000_000],
    ["1e3", 1000],
    ["1.5E3", 1500],
    ["5e-1", 0.5],
    ["1E", 1e18],
    [".5", 0.5],
  ])("reads %s as %d", (text, value) => {
    expect(parseQuantity(text)).toBeCloseTo(value, 12);
  });

  test.each([
    ["700m", "0.7"],
    ["1100m", "1.1"],
    ["2500000u", "2.5"],
    ["0.1Gi", "102.4Mi"],
  ])("reads %s and %s as one number", (text, other) => {
    expect(parseQuantity(text)).toBe(parseQuantity(other));
  });

  test.each(["", "Mi", "1X", "-1", "1e3x", "1.2.3", "128MB"])("does not guess at %j", (text) => {
    expect(isMatch(QUANTITY, text)).toBe(false);
    expect(parseQuantity(text)).toBeNaN();
  });

  test.each([
    ["1073741824", 1024 ** 3],
    ["1536Mi", 1536 * 1024 ** 2],
    ["1.5Gi", 1536 * 1024 ** 2],
    ["5G", 5e9],
    ["8k", 8000],
    ["8Ki", 8192],
    ["1Ei", 1024 ** 6],
  ])("reads %s as Kubernetes does", (quantity, bytes) => {
    expect(parseQuantity(quantity)).toBe(bytes);
  });
});
