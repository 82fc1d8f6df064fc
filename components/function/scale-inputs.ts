/**
 * The check of a `scale` of which some values are known later: what is known is checked at once,
 * with values in the place of the others that are right if any are.
 */
import * as pulumi from "@pulumi/pulumi";
import { LABEL, scaleLimits, SIGNALS } from "../../contract/index.ts";
import { type ArgumentChecks, isLater } from "../errors.ts";
import type { FunctionScale } from "./args.ts";
import { checkScale, SCALE_LABELS, type ScaleValues, toScaleLabels } from "./scale.ts";

/** A function's scale, and the labels that it has beside it. */
interface ScaleInputs {
  scale: FunctionScale;
  labels: Record<string, pulumi.Input<string>>;
}

interface Known {
  scale: ScaleValues;
  labels: Record<string, string>;
}

type Fields = Record<string, unknown>;

/** Of those fields for which it depends on nothing. */
const STAND_INS: Readonly<Fields> = {
  min: 0,
  max: 1000,
  factorPercent: 20,
  zeroAfterSeconds: 10,
  type: "rps",
  target: 1,
  targetProportion: 1,
  proportion: 1,
  query: "x",
  windowSeconds: 0,
  replicas: 1,
  percent: 1,
  periodSeconds: 1,
  timeZone: "UTC",
};

/** Returns the scale when all of it is known and right; what is known is checked in any case. */
export function checkScaleInputs(
  checks: ArgumentChecks,
  inputs: ScaleInputs,
): pulumi.Output<ScaleValues> {
  const check = ({ scale, labels }: Known): ScaleValues => checkScale(scale, labels);
  const first = checks.apply<Known, ScaleValues>(standIn(inputs), (known) => check(known));
  const later = findLater(inputs);
  // Each of them by itself, as some may be known when others are not.
  const each = later.map((value) =>
    checks.apply<unknown, ScaleValues>(pulumi.output([value, first]), (known) =>
      check(standIn(inputs, new Map([[value, (known as unknown[])[0]]]))),
    ),
  );
  return later.length === 0
    ? first
    : checks.apply<unknown, ScaleValues>(pulumi.output([inputs, ...each]), (known) =>
        check((known as [Known])[0]),
      );
}

function findLater(value: unknown): unknown[] {
  if (isLater(value)) {
    return [value];
  }
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(findLater) : [];
}

/** @param found values of those that are later */
function standIn(inputs: ScaleInputs, found: ReadonlyMap<unknown, unknown> = new Map()): Known {
  const given = replaceFound(inputs, found) as ScaleInputs;
  const { signals, floors, up, down, ...own } = given.scale;
  const values = fill(withZero(own, LABEL.scaleZeroDuration in given.labels));
  const labels = standInLabels(given.labels, own.zeroAfterSeconds !== undefined);
  const texts = { ...labels, ...toScaleLabels(values) };
  const { max } = scaleLimits({ spec: { labels: texts } });
  const scale = {
    ...values,
    ...(signals && { signals: standInSignals(signals as unknown as Fields[]) }),
    ...(up && { up: fill(up as Fields) }),
    ...(down && { down: fill(down as Fields) }),
    ...(floors && {
      floors: floors.map((floor) => fill({ ...floor }, { ...standInTimes(floor), min: max })),
    }),
  };
  return { scale: scale as ScaleValues, labels };
}

/** `zero` is left out unless something is there that is right beside `true` alone. */
function withZero(own: object, hasDuration: boolean): Fields {
  const { zero, ...rest } = own as Fields;
  if (!isLater(zero)) {
    return { zero, ...rest };
  }
  return hasDuration || rest["zeroAfterSeconds"] !== undefined ? { zero: true, ...rest } : rest;
}

function standInLabels(labels: ScaleInputs["labels"], hasDuration: boolean): Known["labels"] {
  const fields = Object.entries(SCALE_LABELS);
  return Object.fromEntries(
    Object.entries(labels).flatMap(([label, text]) => {
      if (!isLater(text)) {
        return [[label, text]];
      }
      const [field = ""] = fields.find(([, each]) => each === label) ?? [];
      const { zero, ...known }: Fields = withZero(
        { [field]: text },
        hasDuration || LABEL.scaleZeroDuration in labels,
      );
      const values = { ...(zero === true && { zero }), ...fill(known) };
      return Object.entries(field === "" ? {} : toScaleLabels(values as ScaleValues));
    }),
  );
}

/** Each type but `prometheus` comes once; that one alone has a query. */
function standInSignals(signals: Fields[]): Fields[] {
  const free = new Set(Object.keys(SIGNALS));
  free.delete("prometheus");
  signals.forEach(({ type }) => free.delete(String(isLater(type) ? "" : type)));
  return signals.map((signal) => {
    const [next = "rps"] = free;
    const type = signal["query"] === undefined ? next : "prometheus";
    if (isLater(signal["type"])) {
      free.delete(type);
    }
    return fill(signal, { type });
  });
}

/** Two times that are not the same, nor what the other one is. */
function standInTimes({ start, end }: { start: unknown; end: unknown }): Fields {
  const [one, other] = ["0 0 1 1 *", "0 0 2 1 *"];
  return { start: end === one ? other : one, end: start === other ? one : other };
}

function fill(fields: Fields, own: Fields = {}): Fields {
  const standIns = { ...STAND_INS, ...own };
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([field, value]) => [field, isLater(value) ? standIns[field] : value]),
  );
}

function replaceFound(value: unknown, found: ReadonlyMap<unknown, unknown>): unknown {
  if (isLater(value)) {
    return found.has(value) ? found.get(value) : value;
  }
  if (Array.isArray(value)) {
    return value.map((item) => replaceFound(item, found));
  }
  return typeof value === "object" && value !== null
    ? Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, replaceFound(item, found)]),
      )
    : value;
}
