/** What "ready" means: the checks by kind, and what annotations ask for in their place. */
import type { Bag } from "../../lib/values.ts";
import type { Gvk } from "../kinds.ts";
import { ANNOTATION, get, getAnnotation, getNumber, getString } from "../metadata.ts";
import {
  describeCondition,
  failed,
  findCondition,
  isTrue,
  READY,
  waiting,
  type CheckContext,
  type Readiness,
} from "./conditions.ts";
import { checkClaim, checkService } from "./dependents.ts";
import { checkWaitFor } from "./wait-for.ts";
import { checkDaemonSet, checkDeployment, checkStatefulSet } from "./workloads.ts";

type Check = (object: Bag, context: CheckContext) => Readiness | Promise<Readiness>;

const CHECKS: Record<string, Check> = {
  "apps/Deployment": checkDeployment,
  "apps/StatefulSet": checkStatefulSet,
  "apps/DaemonSet": checkDaemonSet,
  "batch/Job": checkJob,
  "/Namespace": checkNamespace,
  "/PersistentVolumeClaim": checkClaim,
  "/Service": checkService,
  "apiextensions.k8s.io/CustomResourceDefinition": checkDefinition,
};

/**
 * The check for an object: what its annotations ask for, else the one of its kind. Undefined when
 * it is ready as soon as it is there.
 */
export function findCheck(gvk: Gvk, object: Bag): Check | undefined {
  if (getAnnotation(object, ANNOTATION.skipAwait) === "true") return undefined;
  const waitFor = getAnnotation(object, ANNOTATION.waitFor);
  if (waitFor !== undefined) return (live) => checkWaitFor(live, waitFor);
  return CHECKS[`${gvk.group}/${gvk.kind}`];
}

function checkJob(job: Bag): Readiness {
  if (get(job, "spec", "suspend") === true) return READY;
  if (isTrue(findCondition(job, "Complete"))) return READY;
  const failure = findCondition(job, "Failed");
  if (failure !== undefined && isTrue(failure))
    return failed(`job failed: ${describeCondition(failure)}`);
  const succeeded = getNumber(job, "status", "succeeded") ?? 0;
  return waiting(
    `job is not complete: ${String(succeeded)} of ${String(getNumber(job, "spec", "completions") ?? 1)} pods succeeded`,
  );
}

function checkNamespace(namespace: Bag): Readiness {
  const phase = getString(namespace, "status", "phase") ?? "Pending";
  return phase === "Active" ? READY : waiting(`namespace is ${phase}`);
}

function checkDefinition(definition: Bag): Readiness {
  const refused = findCondition(definition, "NamesAccepted");
  if (getString(refused, "status") === "False" && refused !== undefined) {
    return failed(`names are not accepted: ${describeCondition(refused)}`);
  }
  return isTrue(findCondition(definition, "Established"))
    ? READY
    : waiting("definition is not established");
}
