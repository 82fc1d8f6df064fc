/**
 * How a function is scaled by its own load: what `spec.scale` and the labels of OpenFaaS'
 * autoscaler say of it. A function that says nothing of the kind is scaled by alerts, see
 * `scale.ts`.
 */
import { readCount } from "../grammar.ts";
import { LABEL } from "../names.ts";
import { readTimeout } from "../timeouts.ts";
import { scaleLimits } from "./scale.ts";
import {
  type ScaleDirection,
  type ScaleFloor,
  type ScaleSpec,
  SIGNALS,
  type SignalType,
} from "./scale-spec.ts";

/** OpenFaaS' words of the label `com.openfaas.scale.type`. */
export const SCALE_TYPES = {
  rps: "rps",
  capacity: "inflight",
  cpu: "cpu",
  queue: "queue",
} as const satisfies Record<string, SignalType>;
export type ScaleType = keyof typeof SCALE_TYPES;

/** Part of the target that is aimed at, so that there is room for what comes (OpenFaaS). */
const TARGET_PROPORTION = 0.9;

/** How long a function is idle before it has no pod, milliseconds (OpenFaaS: 15 minutes). */
const ZERO_AFTER_MS = 15 * 60_000;

/** How long fewer pods have to be enough before there are fewer, milliseconds. */
const DOWN_WINDOW_MS = 60_000;

/** Within which a step is counted, seconds. */
const STEP_PERIOD_SECONDS = 60;

/** How one direction goes, all defaults in. */
export interface Pace {
  windowMs: number;
  step?: { replicas: number; percent: number; periodMs: number };
}

export interface AimedSignal {
  type: SignalType;
  /** As messages and metrics call it: its type, or its place where there may be several. */
  name: string;
  /** Load of one pod that is aimed at. */
  aim: number;
  /** As it was declared, of which `aim` is a part. */
  target: number;
  query?: string;
}

/** How a function is scaled by its load, all defaults in. */
export interface Autoscale {
  min: number;
  max: number;
  signals: readonly AimedSignal[];
  up: Pace;
  down: Pace;
  /** Undefined: it always has a pod. */
  zeroAfterMs?: number;
  floors: readonly ScaleFloor[];
}

/** Labels that say by what a function is scaled. */
export const SIGNAL_LABELS = [
  LABEL.scaleType,
  LABEL.scaleTarget,
  LABEL.scaleTargetProportion,
] as const;

/** What is read of a spec. */
export interface ScaleSource {
  labels?: Partial<Record<string, string>>;
  scale?: ScaleSpec;
}

/** Whether a function is scaled by its own load, and not by alerts. */
export function isAutoscaled({ scale, labels = {} }: ScaleSource): boolean {
  return (
    scale !== undefined ||
    labels[LABEL.scaleZero] === "true" ||
    [...SIGNAL_LABELS, LABEL.scaleDownWindow].some((label) => labels[label] !== undefined)
  );
}

/** How it is; undefined where alerts do it. A label that is wrong counts as not set. */
export function readAutoscale(spec: ScaleSource): Autoscale | undefined {
  if (!isAutoscaled(spec)) {
    return undefined;
  }
  const { labels = {}, scale = {} } = spec;
  const { min, max } = scaleLimits({ spec: { labels } });
  const downMs = readTimeout(labels[LABEL.scaleDownWindow]) ?? DOWN_WINDOW_MS;
  return {
    min,
    max,
    signals: readSignals(spec),
    up: toPace(scale.up, 0),
    down: toPace(scale.down, downMs),
    floors: scale.floors ?? [],
    ...(labels[LABEL.scaleZero] === "true" && {
      zeroAfterMs: readTimeout(labels[LABEL.scaleZeroDuration]) ?? ZERO_AFTER_MS,
    }),
  };
}

/** Those of `spec.scale`, or the one of the labels. */
function readSignals({ scale, labels = {} }: ScaleSource): AimedSignal[] {
  if (scale?.signals !== undefined) {
    return scale.signals.map((signal, index) => {
      const { target, proportion = TARGET_PROPORTION, query } = signal;
      const type = signal.type as SignalType;
      return {
        name: query === undefined ? type : `signals[${index}]`,
        ...toAim(type, target, proportion),
        ...(query !== undefined && { query }),
      };
    });
  }
  // What is refused now may be stored from before.
  const given = labels[LABEL.scaleType] ?? "";
  const type = Object.hasOwn(SCALE_TYPES, given) ? SCALE_TYPES[given as ScaleType] : "rps";
  const proportion = Number(labels[LABEL.scaleTargetProportion]) || TARGET_PROPORTION;
  return [{ name: type, ...toAim(type, readCount(labels[LABEL.scaleTarget]), proportion) }];
}

function toAim(
  type: SignalType,
  given: number | undefined,
  proportion: number,
): Pick<AimedSignal, "type" | "aim" | "target"> {
  const target = given ?? SIGNALS[type].target ?? 1;
  return { type, target, aim: target * proportion };
}

function toPace(direction: ScaleDirection = {}, windowMs: number): Pace {
  const { windowSeconds, replicas, percent, periodSeconds = STEP_PERIOD_SECONDS } = direction;
  const hasStep = replicas !== undefined || percent !== undefined;
  return {
    windowMs: windowSeconds === undefined ? windowMs : windowSeconds * 1000,
    ...(hasStep && {
      step: { replicas: replicas ?? 0, percent: percent ?? 0, periodMs: periodSeconds * 1000 },
    }),
  };
}
