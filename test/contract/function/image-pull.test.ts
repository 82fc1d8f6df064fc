/** When nodes ask for an image: by what its reference says, or by the function's own word. */
import { describe, expect, test } from "@jest/globals";
import { pullPolicy } from "../../../contract/index.ts";

const DIGEST = `sha256:${"0".repeat(64)}`;

describe("pullPolicy", () => {
  test.each([
    ["figlet", "Always"],
    ["figlet:latest", "Always"],
    ["ghcr.io/openfaas/figlet:latest", "Always"],
    ["localhost:5000/figlet", "Always"],
    ["localhost:5000/figlet:1", "IfNotPresent"],
    ["figlet:0.1.0", "IfNotPresent"],
    ["figlet:latest-1", "IfNotPresent"],
    [`figlet@${DIGEST}`, "IfNotPresent"],
    [`figlet:latest@${DIGEST}`, "IfNotPresent"],
    [`localhost:5000/figlet:1@${DIGEST}`, "IfNotPresent"],
  ])("of %s is %s", (image, policy) => {
    expect(pullPolicy({ name: "f", image })).toBe(policy);
  });

  test.each([
    ["figlet:latest", "IfNotPresent", "IfNotPresent"],
    ["figlet:1", "Always", "Always"],
    ["figlet:1", "Never", "IfNotPresent"],
  ])("of %s with the annotation %s is %s", (image, wanted, policy) => {
    const annotations = { "plonk/image-pull-policy": wanted };
    expect(pullPolicy({ name: "f", image, annotations })).toBe(policy);
  });
});
