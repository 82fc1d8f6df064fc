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
  [{ profiles: ["gpu", "a b"] }, 'profiles[1]: expected the name of a profile, got "a b"'],
  [{ constraints: [""] }, 'constraints[0]: expected a node\'s label as key=value, got ""'],
  [{ scale: { max: 0 } }, "scale.max: expected a whole number from 1 to 1000, got 0"],
  [
    { scale: { zeroAfterSeconds: 900 } },
    "scale.zeroAfterSeconds: expected none without scale.zero: true, got 900",
  ],
  [
    { labels: { "com.openfaas.scale.type": "" } },
    'labels["com.openfaas.scale.type"]: expected rps or capacity or cpu or queue, got ""',
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

const later = (): pulumi.Output<never> => pulumi.output(new Promise<never>(() => undefined));

it.each<[NonNullable<FunctionOptions["scale"]>, string]>([
  [
    { min: later(), zeroAfterSeconds: later() },
    "scale.zeroAfterSeconds: expected none without scale.zero: true, got 10",
  ],
  [
    { factorPercent: 5, target: later() },
    "scale.factorPercent: expected none where its load scales it, as it is about alerts, got 5",
  ],
  [
    { type: "cpu", signals: [{ type: later() }] },
    'scale.type: expected none beside scale.signals, got "cpu"',
  ],
  [
    { max: later(), floors: [{ start: "7", end: later(), timeZone: later(), min: later() }] },
    'scale.floors[0].start: expected a cron expression of five fields, got "7"',
  ],
  [
    { signals: [{ type: "rps", target: later() }, { type: "rps" }] },
    'scale.signals[1].type: expected one that comes only once, got "rps"',
  ],
  [
    { max: 4, floors: [{ start: "0 7 * * *", end: "0 8 * * *", min: 5 }], zero: later() },
    "scale.floors[0].min: expected at most scale.max (4), got 5",
  ],
])("refuses what is known, beside what is not: %#", (scale, message) => {
  expect(() => toSpec(checks, { platform, scale })).toThrow(new ArgumentError(message));
});

it("takes any that may come to be right", () => {
  const start = later();
  const all = {
    ...{ min: later(), max: later(), zero: later(), zeroAfterSeconds: later() },
    signals: [{ type: later(), query: later(), target: later() }, { type: later() }],
    up: { windowSeconds: later(), percent: later(), replicas: later(), periodSeconds: later() },
    floors: [{ start, end: later(), timeZone: later(), min: later() }],
  };
  expect(() => toSpec(checks, { platform, scale: all })).not.toThrow();
  expect(() =>
    toSpec(checks, { platform, scale: { zero: later(), factorPercent: 5 } }),
  ).not.toThrow();
});

it("says what labels cannot in a field of its own", async () => {
  const floors = [{ start: "0 7 * * *", end: pulumi.output("0 8 * * *"), timeZone: "", min: 5 }];
  const signals = [{ type: "prometheus", query: pulumi.output("up"), target: 2 }];
  const up = { percent: pulumi.output(50) };
  const scale = {
    max: 9,
    zero: true,
    zeroAfterSeconds: 60,
    signals,
    up,
    floors,
  };
  expect(await toValues({ scale })).toEqual({
    labels: {
      "com.openfaas.scale.max": "9",
      "com.openfaas.scale.zero": "true",
      "com.openfaas.scale.zero-duration": "60s",
    },
    scale: {
      signals: [{ type: "prometheus", query: "up", target: 2 }],
      up: { percent: 50 },
      floors: [{ start: "0 7 * * *", end: "0 8 * * *", min: 5 }],
    },
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
