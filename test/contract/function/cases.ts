/** Specs that everybody takes, and specs that everybody refuses: the same for all callers. */
import type { SpecPart } from "../../../contract/index.ts";
import { SCALE_RIGHT, SCALE_WRONG } from "./scale-cases.ts";

export interface Case {
  what: string;
  spec: SpecPart;
  /** The field that is wrong, by its name in the custom resource; undefined: the spec is right. */
  field?: string;
  /** Who cannot say it, and leaves it to the next one. */
  leftBy?: "component" | "api-server";
  /** Who hears Go's clients takes it for absent: the REST API, the API server, the operator. */
  isNothing?: boolean;
}

const scale = (name: string): string => `com.openfaas.scale.${name}`;
const labels = (values: Record<string, string>): SpecPart => ({ labels: values });
const probe = (name: string, field: string): string => `com.openfaas.${name}.http.${field}`;
const retry = (name: string): string => `com.openfaas.retry.${name}`;
const annotations = (values: Record<string, string>): SpecPart => ({ annotations: values });
/** Resources have any names; their type has the usual ones. */
const gpu = (limit?: string, request?: string): SpecPart => {
  const of = (value?: string): object => (value === undefined ? {} : { "nvidia.com/gpu": value });
  return { limits: of(limit), requests: of(request) };
};
const toOdd = (name: string): SpecPart => ({ limits: { [name]: "1" } });
const variable = (value: string): SpecPart => ({ environment: { exec_timeout: value } });

const RIGHT: [what: string, spec: SpecPart][] = [
  ["nothing but name and image", {}],
  ["the longest name", { name: "x".repeat(63) }],
  ["an image with a digest", { image: `r.example:5000/a/b:1@sha256:${"0".repeat(64)}` }],
  ["a constraint with =", { constraints: ["kubernetes.io/arch=arm64"] }],
  ["a constraint with ==", { constraints: ["kubernetes.io/arch==arm64"] }],
  ["a constraint with spaces around it", { constraints: ["arch == arm64"] }],
  ["a constraint without a value", { constraints: ["empty="] }],
  ["a secret with dots", { secrets: ["api-key", "tls.crt", "x".repeat(253)] }],
  ["quantities", { limits: { memory: "128Mi", cpu: ".5" }, requests: { cpu: "1e-1" } }],
  ["the least that a pod can have", { limits: { memory: "6Mi", cpu: "1m" } }],
  ["the least that a pod can ask for", { requests: { memory: "1Mi", cpu: "0.001" } }],
  ["the most", { limits: { memory: "64Ti", cpu: "10k" } }],
  ["requests of nothing in particular", { requests: { memory: "0", cpu: "0m" } }],
  ["bytes in full", { limits: { memory: "134217728" } }],
  ["a request that is the limit", { limits: { memory: "1Gi" }, requests: { memory: "1024Mi" } }],
  [
    "a request that is the limit in other words",
    { limits: { cpu: "0.7" }, requests: { cpu: "700m" } },
  ],
  ["another resource", gpu("1")],
  ["another resource that is asked for", gpu("2", "2")],
  ["odd names of variables", { environment: { "a.b-c": "", "A B": "=", "1": "\n" } }],
  ["values with dollars", { environment: { A: "a$$b", B: "$(OPENFAAS_NAME)", C: "x$$(A)y$" } }],
  ["private by annotation", annotations({ "plonk/private": "true" })],
  ["private by label", labels({ "plonk/private": "true" })],
  ["others of OpenFaaS' names", annotations({ "com.openfaas.ui.ext": "png" })],
  ["any annotation", { annotations: { topic: "a, b", "x.y/z": "{}\n\u00fc" } }],
  [
    "probes",
    annotations({
      [probe("health", "path")]: "/_/health?full=1",
      [probe("health", "initialDelaySeconds")]: "0",
      [probe("ready", "periodSeconds")]: "86400",
      [probe("ready", "successThreshold")]: "1",
    }),
  ],
  ["a service account", annotations({ "com.openfaas.serviceaccount": "reader.of-all" })],
  ["a policy for its image", annotations({ "plonk/image-pull-policy": "IfNotPresent" })],
  ["its image's user", annotations({ "plonk/user": "image" })],
  ["profiles", annotations({ "com.openfaas.profile": "gpu, gvisor,a.b" })],
  ["a user", annotations({ "plonk/user": "1000" })],
  ["a limit of waiting calls", annotations({ "plonk/max-waiting": "5" })],
  [
    "repetitions",
    annotations({
      [retry("attempts")]: "1000",
      [retry("codes")]: "408,429, 503",
      [retry("min_wait")]: "500ms",
      [retry("max_wait")]: "86400",
    }),
  ],
  ["pages of any site", annotations({ "plonk/async-origins": "*" })],
  [
    "pages of some sites",
    annotations({ "plonk/async-origins": "https://a.example, http://localhost:3000,https://b.c" }),
  ],
  ["repetitions of nothing", annotations({ [retry("attempts")]: "1", [retry("codes")]: "" })],
  ["an empty label", labels({ team: "" })],
  ["the longest label", labels({ [`a.b/${"k".repeat(63)}`]: "v".repeat(63) })],
  ["a scale", labels({ [scale("min")]: "2", [scale("max")]: "2", [scale("factor")]: "0" })],
  ["the limits of a scale", labels({ [scale("min")]: "0", [scale("max")]: "1000" })],
  ["a minimum above the usual maximum", labels({ [scale("min")]: "21" })],
  ["a count with zeros before it", labels({ [scale("min")]: "007" })],
  ["zero: false, which holds anyway", labels({ [scale("zero")]: "false" })],
  ...SCALE_RIGHT,
  ["no limit of calls in flight", labels({ "plonk/max-inflight": "0" })],
  ["time-outs of the platform", labels({ "plonk/call-timeout": "24h", "plonk/idle-timeout": "0" })],
  ["a time-out in seconds", variable("86400")],
  ["a time-out of several parts", variable("1h1.5m.5s")],
  ["a time-out in microseconds", variable("1\u00b5s1\u03bcs1us")],
  ["a file system that cannot be written", { readOnlyRootFilesystem: true }],
];

const WRONG: [field: string, what: string, spec: SpecPart, leftBy?: Case["leftBy"]][] = [
  ["name", "a name in capitals", { name: "Upper" }],
  ["name", "a name of 64 letters", { name: "x".repeat(64) }],
  ["name", "a name with a hyphen at its end", { name: "a-" }],
  ...["2fa-check", "2048", "7f3a9c52-1b2d-4e5f-8a90-123456789abc"].map(
    (name): (typeof WRONG)[number] => [
      "name",
      `a name that no Service can have: ${name}`,
      { name },
    ],
  ),
  ["name", "a name of two parts", { name: "a.b" }],
  ["image", "no image", { image: "" }],
  ["image", "an image with a space", { image: "a b" }],
  ["image", "an endless image", { image: "x".repeat(1025) }],
  ["constraints[0]", "a constraint that excludes", { constraints: ["arch!=arm64"] }],
  ["constraints[0]", "a constraint without =", { constraints: ["arm64"] }],
  ["constraints[0]", "a constraint with three =", { constraints: ["a===b"] }],
  ["constraints[0]", "an empty constraint", { constraints: [""] }],
  ["constraints[0]", "a constraint with a space in its key", { constraints: ["a b=c"] }],
  ["constraints[0]", "a constraint that is no label", { constraints: ["a=b/c"] }],
  ["constraints[1]", "a second constraint", { constraints: ["a=b", "c"] }],
  ["secrets[0]", "a secret in capitals", { secrets: ["Key"] }],
  ["secrets[0]", "a secret with two dots", { secrets: ["a..b"] }],
  ["secrets[1]", "a second secret that is a path", { secrets: ["a", "../b"] }],
  ["secrets[0]", "a secret of 254 letters", { secrets: ["x".repeat(254)] }],
  ["limits.memory", "a quantity with another unit", { limits: { memory: "128mb" } }],
  ["limits.memory", "a quantity with a space", { limits: { memory: "128 Mi" } }],
  ["requests.cpu", "a negative quantity", { requests: { cpu: "-1" } }],
  ["limits.memory", "thousandths of bytes", { limits: { memory: "40m" } }],
  ["limits.memory", "a limit of bytes", { limits: { memory: "128" } }],
  ["limits.memory", "a limit of nothing", { limits: { memory: "0" } }],
  ["limits.memory", "less than a container needs", { limits: { memory: "5.9Mi" } }],
  ["limits.memory", "more memory than there is", { limits: { memory: "65Ti" } }],
  ["requests.memory", "a request of some bytes", { requests: { memory: "64" } }],
  ["limits.cpu", "less than a thousandth of a core", { limits: { cpu: "0.0009" } }],
  ["limits.cpu", "a core of MiB", { limits: { cpu: "100Mi" } }],
  ["requests.cpu", "nanocores", { requests: { cpu: "100n" } }],
  [
    "requests.memory",
    "a request beyond the limit",
    { limits: { memory: "64Mi" }, requests: { memory: "65Mi" } },
  ],
  ["requests.cpu", "cores beyond the limit", { limits: { cpu: "100m" }, requests: { cpu: "1" } }],
  ['limits["nvidia.com/gpu"]', "half of another resource", gpu("0.5"), "api-server"],
  ['requests["nvidia.com/gpu"]', "less than all of it", gpu("2", "1"), "api-server"],
  ['requests["nvidia.com/gpu"]', "another one without a limit", gpu(undefined, "1"), "api-server"],
  ["limits", "a resource that there is not", toOdd("mem"), "api-server"],
  ["limits", "a resource with an empty domain", toOdd("/gpu"), "api-server"],
  ['limits["nvidia.com/gpu"]', "another resource", gpu("one")],
  ["environment.A", "a variable with a NUL", { environment: { A: "x\0y" } }],
  ["handler", "a handler with a NUL", { handler: "cat\0" }, "component"],
  ["environment", "a variable with =", { environment: { "a=b": "" } }, "api-server"],
  ["environment", "a variable without a name", { environment: { "": "x" } }, "api-server"],
  ["labels", "a label with two slashes", labels({ "a/b/c": "" }), "api-server"],
  ["labels", "a label with a space in its key", labels({ "a b": "" }), "api-server"],
  ['labels["a/b"]', "a label with a space", labels({ "a/b": "two words" })],
  ["labels.team", "a label of 64 letters", labels({ team: "x".repeat(64) })],
  ["annotations", "an annotation with an empty key", { annotations: { "": "" } }, "api-server"],
  [
    "annotations",
    "annotations of more than 256 KiB",
    { annotations: { a: "x".repeat(262_144) } },
    "api-server",
  ],
  ...["health", "ready"].flatMap((name) =>
    [
      ["path", "healthz"],
      ["path", "/a b"],
      ["path", ""],
      ["initialDelaySeconds", "-1"],
      ["periodSeconds", "0"],
      ["periodSeconds", "often"],
      ["timeoutSeconds", "1.5"],
      ["failureThreshold", "86401"],
    ].map(([field = "", value = ""]): (typeof WRONG)[number] => [
      `annotations["${probe(name, field)}"]`,
      `${name} probe, ${field}: ${JSON.stringify(value)}`,
      annotations({ [probe(name, field)]: value }),
    ]),
  ),
  [
    `annotations["${probe("ready", "successThreshold")}"]`,
    "a success threshold of zero",
    annotations({ [probe("ready", "successThreshold")]: "0" }),
  ],
  ...["", "always", "Never"].map((value): (typeof WRONG)[number] => [
    'annotations["plonk/image-pull-policy"]',
    `image-pull-policy: ${JSON.stringify(value)}`,
    annotations({ "plonk/image-pull-policy": value }),
  ]),
  ...["GPU", "a,,b", "-a", "a b", ""].map((value): (typeof WRONG)[number] => [
    'annotations["com.openfaas.profile"]',
    `profile: ${JSON.stringify(value)}`,
    annotations({ "com.openfaas.profile": value }),
  ]),
  ...["0", "-1", "app", "1000:1000", "1000000000", ""].map((value): (typeof WRONG)[number] => [
    'annotations["plonk/user"]',
    `user: ${JSON.stringify(value)}`,
    annotations({ "plonk/user": value }),
  ]),
  ...["0", "-1", "many", ""].map((value): (typeof WRONG)[number] => [
    'annotations["plonk/max-waiting"]',
    `max-waiting: ${JSON.stringify(value)}`,
    annotations({ "plonk/max-waiting": value }),
  ]),
  ...[
    "",
    "a.example",
    "https://a.example/",
    "https://A.example",
    "https://*.example",
    "*, https://a.example",
    "https://a.example;https://b.example",
    "ftp://a.example",
    "null",
  ].map((value): (typeof WRONG)[number] => [
    'annotations["plonk/async-origins"]',
    `async-origins: ${JSON.stringify(value)}`,
    annotations({ "plonk/async-origins": value }),
  ]),
  [
    'annotations["plonk/async-origins"]',
    "async-origins: a port that there is not",
    annotations({ "plonk/async-origins": "https://a.example:0" }),
    "api-server",
  ],
  ...[
    ["attempts", "0"],
    ["attempts", "1001"],
    ["attempts", "many"],
    ["attempts", "0x10"],
    ["codes", "600"],
    ["codes", "5xx"],
    ["codes", "429,"],
    ["codes", "429 503"],
    ["min_wait", "-1s"],
    ["min_wait", "soon"],
    ["max_wait", "25h"],
    ["max_wait", ""],
  ].map(([name = "", value = ""]): (typeof WRONG)[number] => [
    `annotations["${retry(name)}"]`,
    `${name}: ${JSON.stringify(value)}`,
    annotations({ [retry(name)]: value }),
  ]),
  ...["", "Reader", "a/b", "x".repeat(254)].map((value): (typeof WRONG)[number] => [
    'annotations["com.openfaas.serviceaccount"]',
    `a service account named ${JSON.stringify(value.slice(0, 10))}`,
    annotations({ "com.openfaas.serviceaccount": value }),
  ]),
  ...["min", "max", "factor"].flatMap((name) =>
    ["many", "-1", "1.5", "1001", "", "10000000000"].map((value): (typeof WRONG)[number] => [
      `labels["${scale(name)}"]`,
      `${name}: ${JSON.stringify(value)}`,
      labels({ [scale(name)]: value }),
    ]),
  ),
  [`labels["${scale("max")}"]`, "a maximum of zero", labels({ [scale("max")]: "0" })],
  [`labels["${scale("factor")}"]`, "a factor of 101", labels({ [scale("factor")]: "101" })],
  [
    `labels["${scale("min")}"]`,
    "a minimum above the maximum",
    labels({ [scale("min")]: "10", [scale("max")]: "9" }),
  ],
  ...SCALE_WRONG,
  ...[
    "plonk/max-inflihgt",
    "plonk/max-waiting",
    "com.openfaas.scale.minimum",
    "com.openfaas.retry.attempts",
    "com.openfaas.queue",
  ].map((key): (typeof WRONG)[number] => [
    `labels["${key}"]`,
    `a label that nothing reads: ${key}`,
    labels({ [key]: "1" }),
    // Its rules may cost no more; the operator says it then.
    "api-server",
  ]),
  ...[
    "plonk/users",
    "plonk/call-timeout",
    "plonk/allow-override",
    "plonk/restarted-at",
    "com.openfaas.scale.max",
    "com.openfaas.retry.attempt",
    "com.openfaas.health.http.url",
    "com.openfaas.ready.http.url",
  ].map((key): (typeof WRONG)[number] => [
    `annotations["${key}"]`,
    `an annotation that nothing reads: ${key}`,
    annotations({ [key]: "1" }),
    "api-server",
  ]),
  ...["many", "-1", "1.5", "1000000000"].map((value): (typeof WRONG)[number] => [
    'labels["plonk/max-inflight"]',
    `max-inflight: ${value}`,
    labels({ "plonk/max-inflight": value }),
  ]),
  ...["call", "first-byte", "idle"].flatMap((name) =>
    ["25h", "never", "-1s", "86401"].map((value): (typeof WRONG)[number] => [
      `labels["plonk/${name}-timeout"]`,
      `${name}-timeout: ${value}`,
      labels({ [`plonk/${name}-timeout`]: value }),
    ]),
  ),
  ...["exec_timeout", "read_timeout", "write_timeout"].flatMap((name) =>
    ["24h1s", "1d", "-1s", "1 s", "99999999999999999999", "9999999h", "."].map(
      (value): (typeof WRONG)[number] => [
        `environment.${name}`,
        `${name}: ${value}`,
        { environment: { [name]: value } },
      ],
    ),
  ),
  [
    "handler",
    "a handler beside code",
    { code: { configMap: "f-0123456789ab" }, handler: "cat" },
    // Its arguments have code and image apart; `Function` refuses `fprocess` beside code.
    "component",
  ],
];

const NOTHING: [field: string, what: string, spec: SpecPart][] = [
  ["limits.memory", "an empty limit", { limits: { memory: "", cpu: "1" } }],
  ["requests.cpu", "an empty request", { requests: { cpu: "" } }],
  ["limits.cpu", "nothing but an empty limit", { limits: { cpu: "" } }],
  ["requests.memory", "one below a limit", { limits: { memory: "6Mi" }, requests: { memory: "" } }],
];

export const CASES: readonly Case[] = [
  ...NOTHING.map(([field, what, spec]) => ({ what, spec, field, isNothing: true })),
  ...RIGHT.map(([what, spec]) => ({ what, spec })),
  ...WRONG.map(([field, what, spec, leftBy]) => ({
    what,
    spec,
    field,
    ...(leftBy !== undefined && { leftBy }),
  })),
];

/** The whole spec of a case. */
export function toSpec({ spec }: Case): SpecPart & { name: string; image: string } {
  return { name: "f", image: "i", ...spec };
}
