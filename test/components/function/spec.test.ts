/** `spec` of a function from arguments: none that is wrong is passed over. */
import { afterAll, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { type ArgumentChecks, ArgumentError } from "../../../components/errors.ts";
import { toSpec } from "../../../components/function/spec.ts";
import type { FunctionOptions } from "../../../components/index.ts";
import { recordRegistrations, valueOf } from "../support/mocks.ts";

recordRegistrations();

const platform = { gatewayUrl: "http://g.example", functionNamespace: "fn", runtimeImage: "rt" };

afterAll(() => pulumi.runtime.disconnect());

/** The checks at once: a refusal inside `apply` would end the process of the test. */
const checks = {
  apply: (value: unknown, test: (known: unknown) => unknown) =>
    pulumi.Output.isInstance(value) ? value.apply(test) : pulumi.output(test(value)),
} as unknown as ArgumentChecks;

function toValues(args: Omit<FunctionOptions, "platform">): Promise<unknown> {
  return valueOf(pulumi.output(toSpec(checks, { platform, ...args })));
}

it.each<[Omit<FunctionOptions, "platform">, string]>([
  [{ timeoutSeconds: 0 }, "timeoutSeconds: expected a whole number from 1 to 86400, got 0"],
  [
    { limits: { memory: " " } },
    'limits.memory: expected a quantity such as 128Mi or 100m, got " "',
  ],
  [{ requests: { cpu: " " } }, 'requests.cpu: expected a quantity such as 128Mi or 100m, got " "'],
  [{ limits: { memory: "40m" } }, 'limits.memory: expected 6Mi to 64Ti (40Mi meant?), got "40m"'],
  [
    { limits: { cpu: "50m" }, requests: { cpu: "0.1" } },
    'requests.cpu: expected at most the limit (50m), got "0.1"',
  ],
  [
    { secrets: [""] },
    'secrets[0]: expected 1 to 253 lower-case letters, digits, hyphens and dots, with a letter or digit at both ends of each part (RFC 1123), got ""',
  ],
  [{ constraints: [""] }, 'constraints[0]: expected a node\'s label as key=value, got ""'],
  [{ scale: { max: 0 } }, "scale.max: expected a whole number from 1 to 1000, got 0"],
  [
    { scale: { zero: true } },
    "scale.zero: expected none or false, it is not available yet, got true",
  ],
  [
    { labels: { "com.openfaas.scale.type": "" } },
    'labels["com.openfaas.scale.type"]: expected none, it is not available yet, got ""',
  ],
  [
    { environment: { exec_timeout: "25h" } },
    'environment.exec_timeout: expected a duration such as 30s, at most 24h, got "25h"',
  ],
  [
    { annotations: { "a b": "" } },
    'annotations: expected a key of at most 63 letters, digits, -, _ and . after an optional DNS name and slash, got "a b"',
  ],
])("refuses %j", (args, message) => {
  expect(() => toValues(args)).toThrow(new ArgumentError(message));
});

it("keeps what is right though it looks like nothing", async () => {
  const args = { scale: { min: 0, factorPercent: 0 }, environment: { EMPTY: "" }, private: false };
  expect(await toValues(args)).toEqual({
    environment: { EMPTY: "" },
    labels: { "com.openfaas.scale.min": "0", "com.openfaas.scale.factor": "0" },
    annotations: { "plonk/private": "false" },
  });
});

it("takes empty quantities for none", async () => {
  const limits = { memory: "96Mi", cpu: "" };
  const requests = { memory: "", cpu: "20m" };
  expect(await toValues({ limits, requests })).toEqual({
    limits: { memory: "96Mi" },
    requests: { cpu: "20m" },
  });
});

it("compares a request with no limit that is empty", async () => {
  const args = { limits: { cpu: "", memory: "64Mi" }, requests: { cpu: "2", memory: "" } };
  expect(await toValues(args)).toEqual({ limits: { memory: "64Mi" }, requests: { cpu: "2" } });
});

it("says nothing of what was not said", async () => {
  expect(await toValues({})).toEqual({});
});
