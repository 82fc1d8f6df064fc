/** `spec.scale` of a Function: Plonk's own part of what it says of its scaling. */
import { type Static, Type } from "typebox";
import { SCALE } from "../names.ts";

/** What a function is scaled by, each in the unit of its target. */
export const SIGNALS = {
  /** Calls that begin, each second. */
  rps: { target: 50 },
  /** Calls that are under way or wait for a pod (`capacity` of OpenFaaS). */
  inflight: { target: 50 },
  /** Thousandths of a core. */
  cpu: { target: 500 },
  /** Asynchronous calls that no worker has taken yet. */
  queue: { target: 10 },
  /** What a query of Prometheus gives, summed up. */
  prometheus: { target: undefined },
} as const;
export type SignalType = keyof typeof SIGNALS;

/** Names of the fields alone: a misspelt one would be ignored in silence. */
const CLOSED = { additionalProperties: false } as const;

/** Least and most of a signal's target. */
const TARGET = { minimum: 0.001, maximum: 1_000_000_000 } as const;

const SECONDS = { minimum: 0, maximum: 3600 } as const;

function wholeNumber(minimum: number, maximum: number): ReturnType<typeof Type.Integer> {
  const description = `a whole number from ${minimum} to ${maximum}`;
  return Type.Integer({ minimum, maximum, description });
}

export const ScaleSignal = Type.Object(
  {
    type: Type.String({
      enum: Object.keys(SIGNALS),
      description: Object.keys(SIGNALS).join(", "),
    }),
    /** Load of one pod. */
    target: Type.Optional(
      Type.Number({ ...TARGET, description: `a number from ${TARGET.minimum} to 1e9` }),
    ),
    /** Part of the target that is aimed at. */
    proportion: Type.Optional(
      Type.Number({ minimum: 0.01, maximum: 1, description: "a number from 0.01 to 1" }),
    ),
    /** Of Prometheus (PromQL). */
    query: Type.Optional(
      Type.String({ minLength: 1, maxLength: 4096, description: "a query of Prometheus" }),
    ),
  },
  { ...CLOSED, description: "a signal: type, target, proportion, query" },
);

export const ScaleDirection = Type.Object(
  {
    /**
     * How long more, or fewer, pods have to be wanted without a break; 0: at once. Limits, floors
     * and the way to zero and back do not wait for it.
     */
    windowSeconds: Type.Optional(wholeNumber(SECONDS.minimum, SECONDS.maximum)),
    /** Most pods within a period, and the same in percent of those at its begin: the larger. */
    replicas: Type.Optional(wholeNumber(1, SCALE.hardMax)),
    percent: Type.Optional(wholeNumber(1, 10_000)),
    periodSeconds: Type.Optional(wholeNumber(1, SECONDS.maximum)),
  },
  {
    ...CLOSED,
    minProperties: 1,
    description: "one or more of windowSeconds, replicas, percent, periodSeconds",
  },
);
export type ScaleDirection = Static<typeof ScaleDirection>;

const CronExpression = Type.String({
  minLength: 9,
  maxLength: 256,
  description: "a cron expression of five fields",
});

/** More pods at some hours: from `start` to `end`. */
export const ScaleFloor = Type.Object(
  {
    start: CronExpression,
    end: CronExpression,
    timeZone: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: "a time zone of the IANA" }),
    ),
    min: wholeNumber(1, SCALE.hardMax),
  },
  { ...CLOSED, description: "a floor: start, end, timeZone, min" },
);
export type ScaleFloor = Static<typeof ScaleFloor>;

export const ScaleSpec = Type.Object(
  {
    /** The one that wants most pods wins. @default that of the labels, or `rps` */
    signals: Type.Optional(Type.Array(ScaleSignal, { minItems: 1, maxItems: 8 })),
    up: Type.Optional(ScaleDirection),
    down: Type.Optional(ScaleDirection),
    floors: Type.Optional(Type.Array(ScaleFloor, { minItems: 1, maxItems: 16 })),
  },
  { ...CLOSED, description: "how it is scaled by its own load: signals, up, down, floors" },
);
export type ScaleSpec = Static<typeof ScaleSpec>;
