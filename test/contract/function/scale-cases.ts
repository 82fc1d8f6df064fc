/** Specs about scaling by load that everybody takes, and such that everybody refuses. */
import type { ScaleSpec, SpecPart } from "../../../contract/index.ts";

type Right = [what: string, spec: SpecPart];
type Wrong = [field: string, what: string, spec: SpecPart, leftBy?: "api-server"];

const scaled = (labels: Record<string, string>, scale?: ScaleSpec): SpecPart => ({
  labels: Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [`com.openfaas.scale.${name}`, value]),
  ),
  ...(scale && { scale }),
});
const floor = { start: "0 7 * * 1-5", end: "0 19 * * 1-5", min: 5 };
const floors = (fields: Partial<typeof floor> & { timeZone?: string }): SpecPart => ({
  scale: { floors: [{ ...floor, ...fields }] },
});
const signal = (fields: Record<string, unknown>): SpecPart => ({
  scale: { signals: [{ type: "rps", ...fields }] },
});
const label = (name: string): string => `labels["com.openfaas.scale.${name}"]`;

export const SCALE_RIGHT: readonly Right[] = [
  ...["rps", "capacity", "cpu", "queue"].map((type): Right => [
    `a scale by ${type}`,
    scaled({ type, target: "20", "target-proportion": "0.75", "down.window": "90s" }),
  ]),
  ["the least proportion", scaled({ "target-proportion": "0.01" })],
  ["the greatest proportion", scaled({ "target-proportion": "1" })],
  ["the most of a target", scaled({ target: "999999999" })],
  ["no window down", scaled({ "down.window": "0" })],
  ["the longest window down", scaled({ "down.window": "1h" })],
  ["zero when idle", scaled({ zero: "true" })],
  ["zero soon", scaled({ zero: "true", "zero-duration": "10s" })],
  ["zero after a day", scaled({ zero: "true", "zero-duration": "86400" })],
  ...["rps", "inflight", "cpu", "queue"].map((type): Right => [
    `a signal: ${type}`,
    signal({ type, target: 0.001, proportion: 0.01 }),
  ]),
  ["a signal without a target", signal({})],
  ["a query", signal({ type: "prometheus", target: 1e9, proportion: 1, query: "up" })],
  [
    "two queries beside others",
    {
      scale: {
        signals: [
          { type: "rps" },
          { type: "cpu", target: 250 },
          { type: "prometheus", target: 5, query: "sum(a)" },
          { type: "prometheus", target: 5, query: "sum(b)" },
        ],
      },
    },
  ],
  ["a window up", { scale: { up: { windowSeconds: 0 } } }],
  [
    "the longest windows",
    { scale: { up: { windowSeconds: 3600 }, down: { windowSeconds: 3600 } } },
  ],
  ["a step of replicas", { scale: { up: { replicas: 1000, periodSeconds: 1 } } }],
  ["a step of percent", { scale: { down: { percent: 10_000, periodSeconds: 3600 } } }],
  [
    "signals beside a window down by label",
    scaled({ "down.window": "5m" }, { signals: [{ type: "rps" }] }),
  ],
  ["steps beside signals of labels", scaled({ type: "cpu" }, { up: { percent: 100 } })],
  ["a floor", floors({})],
  ["a floor of a zone", floors({ timeZone: "Europe/Berlin" })],
  ["a floor over midnight", floors({ start: "0 22 * * *", end: "0 6 * * *" })],
  ["a floor that is the maximum", { ...scaled({ max: "30" }), ...floors({ min: 30 }) }],
  ["a floor of one pod over zero", { ...scaled({ zero: "true" }), ...floors({ min: 1 }) }],
];

export const SCALE_WRONG: readonly Wrong[] = [
  ...[
    ["zero", "yes"],
    ["zero", ""],
    ["zero-duration", "9s"],
    ["zero-duration", "24h1s"],
    ["zero-duration", "soon"],
    ["target", "0"],
    ["target", "1.5"],
    ["target", "many"],
    ["target-proportion", "0"],
    ["target-proportion", "1.01"],
    ["target-proportion", "90%"],
    ["type", "memory"],
    ["type", "inflight"],
    ["type", ""],
    ["down.window", "1h1s"],
    ["down.window", "-1s"],
    ["down.window", "long"],
  ].map(([name = "", value = ""]): Wrong => [
    label(name),
    `${name}: ${JSON.stringify(value)}`,
    scaled({ [name]: value, ...(name === "zero-duration" && { zero: "true" }) }),
  ]),
  [label("zero-duration"), "a time to zero without zero", scaled({ "zero-duration": "15m" })],
  [
    label("zero-duration"),
    "a time to a zero that is off",
    scaled({ zero: "false", "zero-duration": "15m" }),
  ],
  ...Object.entries({
    zero: "true",
    type: "cpu",
    target: "5",
    "target-proportion": "0.5",
    "down.window": "1m",
  }).map(([name, value]): Wrong => [
    label("factor"),
    `a factor beside ${name}`,
    scaled({ factor: "20", [name]: value }),
    "api-server",
  ]),
  [
    label("factor"),
    "a factor beside a step",
    scaled({ factor: "20" }, { up: { percent: 100 } }),
    "api-server",
  ],
  ...Object.entries({ type: "cpu", target: "5", "target-proportion": "0.5" }).map(
    ([name, value]): Wrong => [
      label(name),
      `${name} beside signals`,
      scaled({ [name]: value }, { signals: [{ type: "rps" }] }),
    ],
  ),
  [
    label("down.window"),
    "two windows down",
    scaled({ "down.window": "1m" }, { down: { windowSeconds: 60 } }),
    "api-server",
  ],
  ["scale.signals", "no signal", { scale: { signals: [] } }],
  ["scale.signals[0].type", "a signal that there is not", signal({ type: "memory" })],
  ["scale.signals[0].type", "OpenFaaS' word for one", signal({ type: "capacity" })],
  ["scale.signals[0].target", "a target of nothing", signal({ target: 0 })],
  ["scale.signals[0].target", "a target that is a text", signal({ target: "5" })],
  ["scale.signals[0].proportion", "a proportion above 1", signal({ proportion: 1.1 })],
  ["scale.signals[0].proportion", "no proportion", signal({ proportion: 0 })],
  ["scale.signals[0].query", "a query beside rps", signal({ query: "up" })],
  [
    "scale.signals[0].query",
    "prometheus without a query",
    signal({ type: "prometheus", target: 1 }),
  ],
  [
    "scale.signals[0].target",
    "prometheus without a target",
    signal({ type: "prometheus", query: "up" }),
  ],
  [
    "scale.signals[1].type",
    "a signal that comes twice",
    { scale: { signals: [{ type: "cpu" }, { type: "cpu" }] } },
    "api-server",
  ],
  ["scale.up.windowSeconds", "a window too long", { scale: { up: { windowSeconds: 3601 } } }],
  ["scale.down.windowSeconds", "a window before now", { scale: { down: { windowSeconds: -1 } } }],
  ["scale.up.replicas", "a step of no pod", { scale: { up: { replicas: 0 } } }],
  ["scale.up.percent", "a step of no percent", { scale: { up: { percent: 0 } } }],
  ["scale.down.periodSeconds", "no period", { scale: { down: { replicas: 1, periodSeconds: 0 } } }],
  ["scale.up", "nothing about up", { scale: { up: {} } }],
  [
    "scale.down.periodSeconds",
    "a period without a step",
    { scale: { down: { periodSeconds: 60 } } },
  ],
  ["scale.floors", "no floor", { scale: { floors: [] } }],
  ["scale.floors[0].start", "words for a time", floors({ start: "in the morning" }), "api-server"],
  ["scale.floors[0].start", "six fields", floors({ start: "0 0 7 * * 1" }), "api-server"],
  ["scale.floors[0].end", "an hour too many", floors({ end: "0 24 * * *" }), "api-server"],
  ["scale.floors[0].end", "the 30th of February", floors({ end: "0 0 30 2 *" }), "api-server"],
  ["scale.floors[0].end", "an end that is the start", floors({ end: floor.start }), "api-server"],
  [
    "scale.floors[0].timeZone",
    "a zone that there is not",
    floors({ timeZone: "Europe/Nowhere" }),
    "api-server",
  ],
  ["scale.floors[0].min", "a floor of no pod", floors({ min: 0 })],
  ["scale.floors[0].min", "a floor of half a pod", floors({ min: 1.5 })],
  ["scale.floors[0].min", "a floor that is the minimum", floors({ min: 1 }), "api-server"],
  ["scale.floors[0].min", "a floor above the maximum", floors({ min: 21 }), "api-server"],
];
