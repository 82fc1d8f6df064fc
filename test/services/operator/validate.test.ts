import { describe, expect, it } from "@jest/globals";
import {
  findMistakes,
  initialReplicas,
  toNodeSelector,
} from "../../../services/operator/validate.ts";
import { makeFunction } from "./controllers/function/functions.ts";

describe("findMistakes", () => {
  it("finds none in a spec that uses everything", () => {
    const resource = makeFunction({
      code: { configMap: "c" },
      constraints: ["zone=a", "arch == arm64", "empty="],
      environment: { exec_timeout: "1m30s", read_timeout: "5" },
      labels: {
        "com.openfaas.scale.min": "0",
        "com.openfaas.scale.max": "1000",
        "plonk/max-inflight": "0",
      },
    });
    expect(findMistakes(resource)).toStrictEqual([]);
  });

  it.each([
    [{ name: "other" }, 'spec.name: expected metadata.name (resize), got "other"'],
    [
      { code: { configMap: "c" }, handler: "cat" },
      'spec.handler: expected none beside code, got "cat"',
    ],
    [
      { constraints: ["zone"] },
      'spec.constraints[0]: expected a node\'s label as key=value, got "zone"',
    ],
    [
      { constraints: ["zone!=a"] },
      'spec.constraints[0]: expected a node\'s label as key=value, got "zone!=a"',
    ],
    [
      { environment: { exec_timeout: "-1s" } },
      'spec.environment.exec_timeout: expected a duration such as 30s, at most 24h, got "-1s"',
    ],
    [
      { labels: { "plonk/call-timeout": "25h" } },
      'spec.labels["plonk/call-timeout"]: expected a duration such as 30s, at most 24h, got "25h"',
    ],
    [
      { labels: { "plonk/idle-timeout": "never" } },
      'spec.labels["plonk/idle-timeout"]: expected a duration such as 30s, at most 24h, got "never"',
    ],
    [
      { labels: { "plonk/max-inflight": "many" } },
      'spec.labels["plonk/max-inflight"]: expected a whole number from 0 to 999999999, got "many"',
    ],
    [
      { labels: { "com.openfaas.scale.min": "two" } },
      'spec.labels["com.openfaas.scale.min"]: expected a whole number from 0 to 1000, got "two"',
    ],
    [
      { labels: { "com.openfaas.scale.max": "1001" } },
      'spec.labels["com.openfaas.scale.max"]: expected a whole number from 1 to 1000, got "1001"',
    ],
  ])("names the field of %j", (spec, message) => {
    expect(findMistakes(makeFunction(spec))).toStrictEqual([message]);
  });
});

describe("what is read from a spec", () => {
  it("selects nodes by constraints", () => {
    expect(toNodeSelector(["zone=a", "arch == arm64", "?"])).toStrictEqual({
      zone: "a",
      arch: "arm64",
    });
  });

  it("begins with the minimum of replicas, or with one", () => {
    const withMin = (min: string) => makeFunction({ labels: { "com.openfaas.scale.min": min } });
    expect(initialReplicas(makeFunction())).toBe(1);
    expect(initialReplicas(withMin("4"))).toBe(4);
    expect(initialReplicas(withMin("0"))).toBe(0);
    expect(initialReplicas(withMin("5000"))).toBe(1000);
    expect(initialReplicas(withMin("many"))).toBe(1);
  });
});
