/**
 * The rules for a Function, for all who take one: the component in a preview, the REST API, the
 * API server (by the definition's schema, made from the same) and the operator.
 */
import { Type } from "typebox";
import { type Finding, quote } from "../finding.ts";
import { LABEL } from "../names.ts";
import { findSchemaMistakes } from "../schema-findings.ts";
import { findKeyMistakes } from "./keys.ts";
import { findResourceMistakes } from "./resources.ts";
import { findScaleMistakes } from "./scale-rules.ts";
import { FunctionSpec } from "./schema.ts";
import { VALUE_RULES } from "./values.ts";

/** A spec, or some fields of one. */
export type SpecPart = Partial<FunctionSpec>;

const SpecPart = Type.Partial(FunctionSpec);

const encoder = new TextEncoder();

/** Kubernetes' limit for all annotations of one object together, bytes. */
export const MAX_ANNOTATION_BYTES = 256 * 1024;

/**
 * What is wrong with the fields that are there.
 *
 * @param rename how the caller calls a field, e.g. `envVars.A` what here is `environment.A`
 */
export function findMistakes(
  spec: SpecPart,
  rename: (field: string) => string = (field) => field,
): Finding[] {
  const wrong = findSchemaMistakes(SpecPart, spec, {
    root: "spec",
    // The values of variables are no secrets by their nature, but some people put them there.
    isShown: ([field]) => field !== "environment",
  });
  // What a label is for says more than that it is a label.
  const closer = RULES.flatMap((rule) => rule(spec));
  const found = [
    ...wrong.filter(({ field }) => closer.every((each) => each.field !== field)),
    ...closer,
  ];
  return found.map((finding) => ({ ...finding, field: rename(finding.field) }));
}

const RULES: readonly ((spec: SpecPart) => Finding[])[] = [
  findHandlerBesideCode,
  findValueMistakes,
  ({ labels }) => findKeyMistakes("labels", toTexts(labels), toValueField),
  ({ annotations }) => findKeyMistakes("annotations", toTexts(annotations), toValueField),
  findScaleOrder,
  ({ labels, scale }) => findScaleMistakes({ labels: toTexts(labels), scale }),
  findAnnotationSize,
  // Whole specs have an image.
  (spec) => findResourceMistakes(spec, spec.image !== undefined || spec.limits !== undefined),
];

function findHandlerBesideCode({ code, handler }: SpecPart): Finding[] {
  return code !== undefined && handler !== undefined
    ? [{ field: "handler", expected: "none beside code", got: quote(handler) }]
    : [];
}

function findValueMistakes(spec: SpecPart): Finding[] {
  return VALUE_RULES.flatMap(({ map, key, expected, accepts }) => {
    const value = toTexts(spec[map])[key];
    return value === undefined || accepts(value)
      ? []
      : [{ field: toValueField(map, key), expected, got: quote(value) }];
  });
}

/** The texts of a map; what is of another type, the schema refuses. */
function toTexts(map: unknown): Partial<Record<string, string>> {
  const entries: [string, unknown][] =
    typeof map === "object" && map !== null ? Object.entries(map) : [];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function toValueField(map: string, key: string): string {
  return /^\w+$/.test(key) ? `${map}.${key}` : `${map}["${key}"]`;
}

function findScaleOrder({ labels }: SpecPart): Finding[] {
  const { [LABEL.scaleMin]: min, [LABEL.scaleMax]: max } = toTexts(labels);
  const expected = `at most ${LABEL.scaleMax} (${max ?? ""})`;
  return min !== undefined && max !== undefined && Number(min) > Number(max)
    ? [{ field: toValueField("labels", LABEL.scaleMin), expected, got: quote(min) }]
    : [];
}

function findAnnotationSize({ annotations }: SpecPart): Finding[] {
  const bytes = Object.entries(toTexts(annotations))
    .flat()
    .reduce((sum, text = "") => sum + encoder.encode(text).length, 0);
  const expected = `at most ${MAX_ANNOTATION_BYTES} bytes`;
  return bytes > MAX_ANNOTATION_BYTES
    ? [{ field: "annotations", expected, got: String(bytes) }]
    : [];
}
