/** Checked inputs: kind, name and namespace filled in, secrets marked, obvious mistakes found. */
import type { CheckFailure, CheckRequest, CheckResult } from "../lib/provider.ts";
import type { Bag } from "../lib/values.ts";
import { findWaitForProblem } from "./await/wait-for.ts";
import { toApiVersion, type Gvk } from "./kinds.ts";
import { ANNOTATION, get, getAnnotation, getName, withMetadata } from "./metadata.ts";
import { assignName } from "./naming.ts";
import { hideData, isSecretKind } from "./secrets.ts";

export interface CheckContext {
  gvk: Gvk;
  /** Namespace of objects that name none; undefined in cluster-wide kinds. */
  namespace: string | undefined;
}

/** A DNS subdomain, as most kinds want their names (RBAC names are freer: colons). */
const NAME = /^[a-z0-9A-Z]([-a-z0-9A-Z.:_]*[a-z0-9A-Z])?$/;

/** Checks the inputs of an object. Unknown parts are taken as they are. */
export function checkInputs(request: CheckRequest, { gvk, namespace }: CheckContext): CheckResult {
  const named = assignName(request);
  const placed =
    namespace === undefined || hasNamespace(named) ? named : withMetadata(named, { namespace });
  const complete = {
    ...placed,
    apiVersion: get(placed, "apiVersion") ?? toApiVersion(gvk),
    kind: get(placed, "kind") ?? gvk.kind,
  };
  const inputs = isSecretKind(gvk) ? hideData(complete) : complete;
  return { inputs, failures: findProblems(inputs) };
}

function hasNamespace(inputs: Bag): boolean {
  return (get(inputs, "metadata", "namespace") ?? "") !== "";
}

function findProblems(inputs: Bag): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const name = getName(inputs);
  if (get(inputs, "metadata", "generateName") !== undefined && name === "") {
    failures.push({
      property: "metadata.generateName",
      reason: "metadata.generateName: must not be set, leave the name out for an automatic one",
    });
  } else if (name !== "" && !NAME.test(name)) {
    failures.push({
      property: "metadata.name",
      reason: `metadata.name: expected letters, digits, "-" and ".", got ${name}`,
    });
  }
  const waitFor = getAnnotation(inputs, ANNOTATION.waitFor);
  const problem = waitFor === undefined ? undefined : findWaitForProblem(waitFor);
  if (problem !== undefined) {
    const property = `metadata.annotations["${ANNOTATION.waitFor}"]`;
    failures.push({ property, reason: `${property}: ${problem}` });
  }
  return failures;
}
