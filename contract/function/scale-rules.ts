/** What a schema cannot say of a function's scale: which of its parts go together. */
import { type Finding, quote } from "../finding.ts";
import { LABEL } from "../names.ts";
import { isValid } from "../schema-findings.ts";
import { isAutoscaled, type ScaleSource, SIGNAL_LABELS } from "./autoscale.ts";
import { findCronMistake, isSameTime, isTimeZone } from "./floors.ts";
import { scaleLimits } from "./scale.ts";
import { type ScaleDirection, type ScaleFloor, ScaleSpec } from "./scale-spec.ts";

/** Findings of labels have the field `labels["<label>"]`. */
export function findScaleMistakes(spec: {
  labels?: Partial<Record<string, string>>;
  scale?: unknown;
}): Finding[] {
  const { labels = {} } = spec;
  const scale = isValid(ScaleSpec, spec.scale) ? spec.scale : undefined;
  const source = { labels, ...(scale && { scale }) };
  return [
    ...findLabelMistakes(source),
    ...(scale === undefined
      ? []
      : [
          ...findSignalMistakes(scale),
          ...findDirectionMistakes("up", scale.up),
          ...findDirectionMistakes("down", scale.down),
          ...findFloorMistakes(source),
        ]),
  ];
}

function findLabelMistakes(source: ScaleSource): Finding[] {
  const { labels = {}, scale } = source;
  const found: Finding[] = [];
  const refuse = (label: string, expected: string): void => {
    const value = labels[label];
    if (value !== undefined) {
      found.push({ field: `labels["${label}"]`, expected, got: quote(value) });
    }
  };
  if (scale?.signals !== undefined) {
    SIGNAL_LABELS.forEach((label) => refuse(label, "none beside scale.signals"));
  }
  if (scale?.down?.windowSeconds !== undefined) {
    refuse(LABEL.scaleDownWindow, "none beside scale.down.windowSeconds");
  }
  if (labels[LABEL.scaleZero] !== "true") {
    refuse(LABEL.scaleZeroDuration, `none without ${LABEL.scaleZero}: true`);
  }
  if (isAutoscaled(source)) {
    refuse(LABEL.scaleFactor, "none where its load scales it, as it is about alerts");
  }
  return found;
}

function findSignalMistakes({ signals = [] }: ScaleSpec): Finding[] {
  return signals.flatMap(({ type, target, query }, index) => {
    const at = `scale.signals[${index}]`;
    if (type === "prometheus") {
      return [
        ...(query === undefined
          ? [{ field: `${at}.query`, expected: "a query of Prometheus", got: "none" }]
          : []),
        ...(target === undefined
          ? [{ field: `${at}.target`, expected: "the load of one pod", got: "none" }]
          : []),
      ];
    }
    const isSecond = signals.findIndex((other) => other.type === type) < index;
    return [
      ...(query === undefined
        ? []
        : [{ field: `${at}.query`, expected: `none with type ${type}`, got: quote(query) }]),
      ...(isSecond
        ? [{ field: `${at}.type`, expected: "one that comes only once", got: quote(type) }]
        : []),
    ];
  });
}

function findDirectionMistakes(name: "up" | "down", direction: ScaleDirection = {}): Finding[] {
  const { replicas, percent, periodSeconds } = direction;
  const hasStep = replicas !== undefined || percent !== undefined;
  const field = `scale.${name}.periodSeconds`;
  const expected = "none without replicas or percent";
  return periodSeconds === undefined || hasStep
    ? []
    : [{ field, expected, got: String(periodSeconds) }];
}

function findFloorMistakes({ labels = {}, scale = {} }: ScaleSource): Finding[] {
  const { min, max } = scaleLimits({ spec: { labels } });
  const least = labels[LABEL.scaleZero] === "true" ? 0 : min;
  return (scale.floors ?? []).flatMap((floor, index) =>
    findMistakesOf(floor, { least, max }).map(({ field, ...finding }) => ({
      field: `scale.floors[${index}].${field}`,
      ...finding,
    })),
  );
}

/** @param limits - it has to be above `least` to mean something */
function findMistakesOf(
  { start, end, timeZone, min }: ScaleFloor,
  { least, max }: { least: number; max: number },
): Finding[] {
  const crons = { start, end };
  const times = Object.entries(crons).flatMap(([field, text]) => {
    const mistake = findCronMistake(text);
    return mistake === undefined ? [] : [{ field, ...mistake, got: quote(text) }];
  });
  return [
    ...times,
    ...(times.length === 0 && isSameTime(start, end)
      ? [{ field: "end", expected: "another time", got: quote(end) }]
      : []),
    ...(timeZone === undefined || isTimeZone(timeZone)
      ? []
      : [{ field: "timeZone", expected: "a time zone of the IANA", got: quote(timeZone) }]),
    ...(min <= least
      ? [{ field: "min", expected: `above ${LABEL.scaleMin} (${least})`, got: String(min) }]
      : []),
    ...(min > max
      ? [{ field: "min", expected: `at most ${LABEL.scaleMax} (${max})`, got: String(min) }]
      : []),
  ];
}
