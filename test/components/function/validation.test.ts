/** Which arguments of a function are taken, and how the others are refused. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { ArgumentError } from "../../../components/errors.ts";
import { checkScale, toScaleLabels } from "../../../components/function/scale.ts";
import {
  checkEntry,
  checkItem,
  checkName,
  checkProcess,
  checkProfiles,
  checkQueueName,
  checkResources,
  checkSecretName,
  checkTexts,
  checkTimeout,
  type MapEntry,
} from "../../../components/function/validation.ts";

const alphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789";

describe("the queue of a function", () => {
  const named = (queue: string): Record<string, string> => ({ "com.openfaas.queue": queue });

  it.each([{}, { topic: "a" }, named("faas-request"), named("slow")])(
    "may be %j",
    (annotations) => {
      expect(() => checkQueueName(annotations, ["slow"])).not.toThrow();
    },
  );

  it("must be one of the platform's", () => {
    expect(() => checkQueueName(named("slwo"), ["slow"])).toThrow(
      'annotations["com.openfaas.queue"]: expected a queue of the platform: faas-request, slow, got "slwo"',
    );
  });
});

describe("the profiles of a function", () => {
  const named = (text: string) => ({ annotations: { "com.openfaas.profile": text } });

  it.each([{}, { profiles: ["gpu"] }, named("gpu, a.b"), { profiles: [], ...named("gpu") }])(
    "may be %j",
    (given) => {
      expect(() => checkProfiles(given, ["gpu", "a.b"])).not.toThrow();
      expect(() => checkProfiles(given, null)).not.toThrow();
    },
  );

  it.each([
    [{ profiles: ["gpu", "x"] }, 'profiles: expected profiles of the platform (gpu), got "x"'],
    [
      named("x,gpu"),
      'annotations["com.openfaas.profile"]: expected profiles of the platform (gpu), got "x"',
    ],
    [
      { profiles: ["gpu"], ...named("gpu") },
      'profiles: expected none beside the annotation com.openfaas.profile, got ["gpu"]',
    ],
  ])("must be some of the platform's, said once: %j", (given, message) => {
    expect(() => checkProfiles(given, ["gpu"])).toThrow(new ArgumentError(message));
  });
});

describe("a name", () => {
  it.each(["a", "a0", "hello", "a-b", "x".repeat(63)])("may be %s", (name) => {
    expect(checkName(name)).toBe(name);
  });

  it.each(["", "-a", "a-", "A", "a_b", "a.b", "a b", "ä", "x".repeat(64), "a\n", "0", "2fa-check"])(
    "must not be %j",
    (name) => {
      expect(() => checkName(name)).toThrow(ArgumentError);
    },
  );

  it("is taken exactly when it is a DNS label that begins with a letter (RFC 1035)", () => {
    const letters = fc.constantFrom("a", "b", "0", "9", "-", "_", ".", "A", " ");
    const isAlphanumeric = (letter = ""): boolean => letter !== "" && alphanumeric.includes(letter);
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 66 }), (parts) => {
        const inside = parts.every((letter) => letter === "-" || isAlphanumeric(letter));
        const ends = ["a", "b"].includes(parts[0] ?? "") && isAlphanumeric(parts.at(-1));
        const name = parts.join("");
        if (inside && ends && name.length <= 63) {
          expect(checkName(name)).toBe(name);
        } else {
          expect(() => checkName(name)).toThrow(/^name: expected/);
        }
      }),
    );
  });

  it("is quoted in the message, shortened when it is long", () => {
    expect(() => checkName("Bad_Name")).toThrow(
      'name: expected 1 to 63 lower-case letters, digits and hyphens, with a letter at the beginning and no hyphen at the end, as names of Services have it (RFC 1035), got "Bad_Name"',
    );
    expect(() => checkName("A".repeat(5000))).toThrow(`got "${"A".repeat(77)}..."`);
  });
});

describe("the name of a secret", () => {
  it.each(["a", "api-key", "tls.crt", "x".repeat(253)])("may be %s", (name) => {
    expect(checkSecretName(name)).toBe(name);
  });

  it.each(["", "No Spaces", "a..b", ".a", "a.", "a/b", "x".repeat(254)])(
    "must not be %j",
    (name) => {
      expect(() => checkSecretName(name)).toThrow(
        /^name: expected 1 to 253 lower-case letters, digits, hyphens and dots, .* got "/,
      );
    },
  );
});

describe("a quantity", () => {
  it.each(["128Mi", "1Gi", "100m", "0.5", "2", ".5", "1e3", "1E-2", "500k", "10n"])(
    "may be %s",
    (quantity) => {
      expect(checkEntry({ map: "limits", key: "ephemeral-storage" }, quantity)).toBe(quantity);
    },
  );

  it("says nothing when it is empty; a variable does", () => {
    expect(checkEntry({ map: "requests", key: "cpu" }, "")).toBeUndefined();
    expect(checkEntry({ map: "limits", key: "nvidia.com/gpu" }, "")).toBeUndefined();
    expect(checkEntry({ map: "environment", key: "EMPTY" }, "")).toBe("");
  });

  it.each([" ", "lots", "128 Mi", "128mb", "-1", "Mi", "1.2.3", "1ki"])(
    "must not be %j",
    (quantity) => {
      expect(() => checkEntry({ map: "requests", key: "cpu" }, quantity)).toThrow(
        `requests.cpu: expected a quantity such as 128Mi or 100m, got ${JSON.stringify(quantity)}`,
      );
    },
  );

  it("is any decimal number with any of Kubernetes' suffixes", () => {
    const suffix = fc.constantFrom("", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "Ti", "e3");
    fc.assert(
      fc.property(fc.nat(), suffix, (number, unit) => {
        expect(checkEntry({ map: "limits", key: "ephemeral-storage" }, `${number}${unit}`)).toBe(
          `${number}${unit}`,
        );
      }),
    );
  });
});

describe("memory and processor", () => {
  it.each<[entry: MapEntry, quantity: string, expected: string]>([
    [{ map: "limits", key: "memory" }, "40m", '6Mi to 64Ti (40Mi meant?), got "40m"'],
    [{ map: "limits", key: "memory" }, "128", '6Mi to 64Ti (128Mi meant?), got "128"'],
    [{ map: "limits", key: "memory" }, "512k", '6Mi to 64Ti (512Mi meant?), got "512k"'],
    [{ map: "limits", key: "memory" }, "2Mi", '6Mi to 64Ti, got "2Mi"'],
    [{ map: "limits", key: "memory" }, "0", '6Mi to 64Ti, got "0"'],
    [{ map: "requests", key: "memory" }, "64m", '0, or 1Mi to 64Ti (64Mi meant?), got "64m"'],
    [{ map: "limits", key: "cpu" }, "100Mi", '1m to 10000 (100m meant?), got "100Mi"'],
    [{ map: "limits", key: "cpu" }, "0.5m", '1m to 10000, got "0.5m"'],
    [{ map: "limits", key: "cpu" }, "20k", '1m to 10000 (20m meant?), got "20k"'],
  ])("(%j: %s) is refused with what may be meant", (entry, quantity, expected) => {
    expect(() => checkEntry(entry, quantity)).toThrow(
      new ArgumentError(`${entry.map}.${entry.key}: expected ${expected}`),
    );
  });

  it("must go together", () => {
    const resources = { limits: { memory: "64Mi" }, requests: { memory: "0.1Gi" } };
    expect(() => checkResources(resources)).toThrow(
      new ArgumentError('requests.memory: expected at most the limit (64Mi), got "0.1Gi"'),
    );
    expect(checkResources({ limits: {}, requests: { memory: "1Gi" } })).toBeDefined();
  });
});

describe("the scale", () => {
  it.each([
    [{ min: 5, max: 2 }, "scale.min: expected at most scale.max (2), got 5"],
    [{ min: -1 }, "scale.min: expected a whole number from 0 to 1000, got -1"],
    [{ max: 0 }, "scale.max: expected a whole number from 1 to 1000, got 0"],
    [{ max: 1001 }, "scale.max: expected a whole number from 1 to 1000, got 1001"],
    [{ min: 1.5 }, "scale.min: expected a whole number from 0 to 1000, got 1.5"],
    [{ factorPercent: 101 }, "scale.factorPercent: expected a whole number from 0 to 100, got 101"],
    [
      { zeroAfterSeconds: 900 },
      "scale.zeroAfterSeconds: expected none without scale.zero: true, got 900",
    ],
    [
      { zero: true, zeroAfterSeconds: 9 },
      "scale.zeroAfterSeconds: expected seconds from 10 to 86400, got 9",
    ],
    [
      { down: { windowSeconds: 3601 } },
      "scale.down.windowSeconds: expected a whole number from 0 to 3600, got 3601",
    ],
    [{ type: "memory" }, 'scale.type: expected rps or capacity or cpu or queue, got "memory"'],
    [{ target: 0 }, "scale.target: expected a whole number from 1 to 999999999, got 0"],
    [{ targetProportion: 2 }, "scale.targetProportion: expected a number from 0.01 to 1, got 2"],
    [
      { zero: true, factorPercent: 5 },
      "scale.factorPercent: expected none where its load scales it, as it is about alerts, got 5",
    ],
    [
      { floors: [{ start: "0 7 * * *", end: "0 8 * * *", min: 1 }] },
      "scale.floors[0].min: expected above scale.min (1), got 1",
    ],
  ])("refuses %j", (scale, message) => {
    expect(() => checkScale(scale)).toThrow(new ArgumentError(message));
  });

  it("is taken exactly when min does not exceed max", () => {
    const count = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(count, count, (min, max) => {
        if (min <= max) {
          expect(checkScale({ min, max })).toEqual({ min, max });
        } else {
          expect(() => checkScale({ min, max })).toThrow(`(${max}), got ${min}`);
        }
      }),
    );
  });

  it("may say what holds anyway", () => {
    expect(checkScale({ zero: false })).toEqual({ zero: false });
  });

  it("becomes labels for what is given, and nothing else", () => {
    expect(toScaleLabels({})).toEqual({});
    expect(toScaleLabels({ min: 0, zero: false })).toEqual({
      "com.openfaas.scale.min": "0",
      "com.openfaas.scale.zero": "false",
    });
  });
});

describe("labels", () => {
  it("may be any that have an effect, or none that they ask for", () => {
    const labels = { team: "a", "com.openfaas.scale.zero": "false", "plonk/call-timeout": "5s" };
    expect(checkTexts("labels", labels)).toBe(labels);
  });

  it("must not be what there is not", () => {
    expect(() => checkTexts("labels", { "com.openfaas.scale.type": "memory" })).toThrow(
      new ArgumentError(
        'labels["com.openfaas.scale.type"]: expected rps or capacity or cpu or queue, got "memory"',
      ),
    );
  });
});

describe("other arguments", () => {
  it("a process that is empty is none", () => {
    expect(checkProcess("")).toBeUndefined();
  });

  it.each(["\t", " "])("a process must not be %j", (text) => {
    expect(checkProcess("cat $(A)")).toBe("cat $(A)");
    expect(() => checkProcess(text)).toThrow(
      new ArgumentError(`fprocess: expected a text, got ${JSON.stringify(text)}`),
    );
  });

  it("a process has no NUL", () => {
    expect(() => checkProcess("cat\0")).toThrow(/^fprocess: expected .* without a NUL/);
  });

  it.each([1, 30, 86_400])("a time-out may be %d s", (seconds) => {
    expect(checkTimeout(seconds)).toBe(seconds);
  });

  it.each([0, -5, 1.5, 86_401, Number.NaN])("a time-out must not be %d s", (seconds) => {
    expect(() => checkTimeout(seconds)).toThrow(
      `timeoutSeconds: expected a whole number from 1 to 86400, got ${seconds}`,
    );
  });

  it("a constraint is key=value or key==value", () => {
    const check = (value: string): string => checkItem("constraints", 2, value);
    expect(check("kubernetes.io/arch=arm64")).toBe("kubernetes.io/arch=arm64");
    expect(check("a==b")).toBe("a==b");
    expect(() => check("a!=b")).toThrow(
      new ArgumentError('constraints[2]: expected a node\'s label as key=value, got "a!=b"'),
    );
  });
});
