/** What the errors of a scale say; `scale-cases.ts` asks everybody whether they are found. */
import { expect, it } from "@jest/globals";
import { findMistakes, type ScaleSpec, toText } from "../../../contract/index.ts";

const labels = (values: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`com.openfaas.scale.${name}`, value]),
  );
const floor = { start: "0 7 * * *", end: "0 8 * * *", min: 3 };
const label = (name: string): string => `labels["com.openfaas.scale.${name}"]`;

it.each<[values: Record<string, string>, scale: ScaleSpec | undefined, expected: string]>([
  [
    { type: "cpu" },
    { signals: [{ type: "rps" }] },
    `${label("type")}: expected none beside scale.signals, got "cpu"`,
  ],
  [
    { "down.window": "1m" },
    { down: { windowSeconds: 5 } },
    `${label("down.window")}: expected none beside scale.down.windowSeconds, got "1m"`,
  ],
  [
    { zero: "false", "zero-duration": "1m" },
    undefined,
    `${label("zero-duration")}: expected none without com.openfaas.scale.zero: true, got "1m"`,
  ],
  [
    { factor: "5" },
    {},
    `${label("factor")}: expected none where its load scales it, as it is about alerts, got "5"`,
  ],
  [
    {},
    { signals: [{ type: "prometheus" }] },
    "scale.signals[0].query: expected a query of Prometheus, got none; " +
      "scale.signals[0].target: expected the load of one pod, got none",
  ],
  [
    {},
    { signals: [{ type: "rps", query: "up" }, { type: "rps" }] },
    'scale.signals[0].query: expected none with type rps, got "up"; ' +
      'scale.signals[1].type: expected one that comes only once, got "rps"',
  ],
  [
    {},
    { up: { periodSeconds: 5 } },
    "scale.up.periodSeconds: expected none without replicas or percent, got 5",
  ],
  [
    {},
    { floors: [{ ...floor, start: "@annually", timeZone: "Mars" }] },
    'scale.floors[0].start: expected a cron expression of five fields, got "@annually"; ' +
      'scale.floors[0].timeZone: expected a time zone of the IANA, got "Mars"',
  ],
  [
    {},
    { floors: [{ ...floor, end: "0 0 31 2 *" }] },
    'scale.floors[0].end: expected a cron expression of a time that comes, got "0 0 31 2 *"',
  ],
  [
    {},
    { floors: [{ ...floor, end: "00 7 * * *" }] },
    'scale.floors[0].end: expected another time, got "00 7 * * *"',
  ],
  [
    { min: "3" },
    { floors: [floor] },
    "scale.floors[0].min: expected above com.openfaas.scale.min (3), got 3",
  ],
  [
    { max: "2", zero: "true" },
    { floors: [floor] },
    "scale.floors[0].min: expected at most com.openfaas.scale.max (2), got 3",
  ],
  [
    {},
    { down: {} },
    "scale.down: expected one or more of windowSeconds, replicas, percent, periodSeconds, got an object",
  ],
])("%j and %j: what is wrong", (values, scale, expected) => {
  const spec = { labels: labels(values), ...(scale && { scale }) };
  expect(findMistakes(spec).map(toText).join("; ")).toBe(expected);
});
