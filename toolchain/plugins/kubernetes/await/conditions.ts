/** How far an object is, and the conditions of its status that say so. */
import type { Bag, Value } from "../../lib/values.ts";
import type { Api } from "../api.ts";
import { getItems, getNumber, getString } from "../metadata.ts";

/** How far an object is. */
export interface Readiness {
  state: "ready" | "waiting" | "failed";
  /** Why it is not ready, in a few words. */
  reason: string;
}

export const READY: Readiness = { state: "ready", reason: "" };

export function waiting(reason: string): Readiness {
  return { state: "waiting", reason };
}

export function failed(reason: string): Readiness {
  return { state: "failed", reason };
}

export interface CheckContext {
  api: Api;
  signal: AbortSignal;
}

/** A condition of the object's status, unless it is about an older generation of it. */
export function findCondition(object: Bag, type: string): Value | undefined {
  return getItems(object, "status", "conditions").find(
    (condition) => getString(condition, "type") === type && isCurrent(object, condition),
  );
}

function isCurrent(object: Bag, condition: Value): boolean {
  const generation = getNumber(object, "metadata", "generation") ?? 0;
  const observed =
    getNumber(condition, "observedGeneration") ??
    getNumber(object, "status", "observedGeneration") ??
    generation;
  return observed >= generation;
}

/** `type=status reason: message` of a condition. */
export function describeCondition(condition: Value): string {
  const head = `${getString(condition, "type") ?? ""}=${getString(condition, "status") ?? ""}`;
  const tail = [getString(condition, "reason"), getString(condition, "message")]
    .filter((part) => part !== undefined && part !== "")
    .join(": ");
  return tail === "" ? head : `${head} ${tail}`;
}

/** True when the condition is there and its status is `True`. */
export function isTrue(condition: Value | undefined): boolean {
  return getString(condition, "status") === "True";
}
