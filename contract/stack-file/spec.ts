/** A function of a stack file as a spec, and what is wrong with it by the rules for all specs. */
import { type Finding, toField } from "../finding.ts";
import { findMistakes, type SpecPart } from "../function/rules.ts";
import { findSchemaMistakes } from "../schema-findings.ts";
import { NamespaceName } from "../syntax.ts";
import type { StackFile, StackFunction } from "./read.ts";
import { isTrue } from "./reader.ts";
import { findNeeded } from "./substitution.ts";

/** What the file calls otherwise than a spec. */
const FILE_NAMES: Readonly<Record<string, string>> = {
  handler: "fprocess",
  readOnlyRootFilesystem: "readonly_root_filesystem",
};

/** The part of a spec that a stack file says. */
export type StackSpec = Omit<SpecPart, "code" | "replicas">;

/** @param environment all of it, that of environment files included */
export function toSpecPart(
  wanted: StackFunction,
  environment: Readonly<Record<string, string>>,
): StackSpec {
  const { name, image, fprocess, secrets, constraints, labels, annotations } = wanted;
  return {
    name,
    ...(image !== undefined && { image }),
    ...(fprocess !== undefined && { handler: fprocess }),
    ...dropEmpty({ environment, labels, annotations, secrets, constraints }),
    ...dropEmpty({ limits: wanted.limits, requests: wanted.requests }),
    ...(isTrue(wanted.readOnlyRootFilesystem ?? "") && { readOnlyRootFilesystem: true }),
  };
}

function dropEmpty<T extends object>(fields: T): Partial<T> {
  const given = Object.entries(fields) as [string, object][];
  return Object.fromEntries(
    given.filter(([, value]) => Object.keys(value).length > 0),
  ) as Partial<T>;
}

/** What is wrong with one function, by the paths in the file. */
export function findFunctionMistakes(wanted: StackFunction, spec: StackSpec): Finding[] {
  const { name, image, namespace } = wanted;
  const path = ["functions", name];
  const toPath = (field: string): string => {
    const [, first = "", rest = ""] = /^(\w+)(.*)$/s.exec(field) ?? [];
    return first === "name" ? "functions" : toField([...path, FILE_NAMES[first] ?? first]) + rest;
  };
  const missing = { field: toPath("image"), expected: "an image reference", got: "none" };
  return [
    ...wanted.problems,
    ...(image === undefined && wanted.problems.every(({ field }) => field !== missing.field)
      ? [missing]
      : []),
    ...findMistakes(spec, toPath),
    ...(namespace === undefined
      ? []
      : findSchemaMistakes(NamespaceName, namespace, {
          root: toPath("namespace"),
          isShown: () => true,
        })),
  ];
}

/** What is wrong beside the functions, and the variables without a value that are used. */
export function findFileMistakes(file: StackFile, used: readonly StackFunction[]): Finding[] {
  const texts = used.flatMap((each) => collectTexts({ ...each, buildFields: undefined }));
  const missing = new Set(
    texts.flatMap((text) =>
      file.holes
        .split(text)
        .map((part) => (typeof part === "string" ? undefined : findNeeded(part))),
    ),
  );
  return [
    ...file.mistakes,
    ...file.problems,
    ...[...missing]
      .filter((name) => name !== undefined)
      .map((name) => ({
        field: toField(["variables", name]),
        expected: `a value for \${${name}}, which has no default`,
        got: "none",
      })),
  ];
}

function collectTexts(value: unknown): string[] {
  if (typeof value === "string") {
    return [value];
  }
  return typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, each]) => [key, ...collectTexts(each)])
    : [];
}
