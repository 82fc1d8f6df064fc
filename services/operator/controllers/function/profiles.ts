/** The profiles that a Function names, or those that its Deployment was made by once they go. */
import { isDeepStrictEqual } from "node:util";
import {
  ANNOTATION,
  type FunctionResource,
  type ProfileResource,
  readProfileNames,
} from "../../../../contract/index.ts";
import type { Deployment } from "../../kubernetes/types.ts";
import type { Problem } from "./pod-problem.ts";
import type { AppliedProfile } from "./pod-template.ts";

/** Profiles of a Function, in its order. */
export interface FoundProfiles {
  profiles: readonly AppliedProfile[];
  /** That some of them have gone, and are used as they were. */
  stale?: Problem;
}

/** Profiles by name, and the namespace that they are in. */
export interface KnownProfiles {
  namespace: string;
  get: (name: string) => ProfileResource | undefined;
}

/** The profiles of a Function, or which of them there never was. */
export function findProfiles(
  { spec }: FunctionResource,
  deployment: Deployment | undefined,
  known: KnownProfiles,
): FoundProfiles | { missing: Problem } {
  const names = readProfileNames(spec.annotations);
  const gone = names.filter((name) => known.get(name) === undefined);
  if (gone.length === 0) {
    return { profiles: names.map((name) => [name, known.get(name)?.spec ?? {}]) };
  }
  const applied = new Map(readApplied(deployment));
  const problem = toProblem(gone, known.namespace);
  if (gone.some((name) => !applied.has(name))) {
    return { missing: problem };
  }
  return {
    profiles: names.map((name) => [name, known.get(name)?.spec ?? applied.get(name) ?? {}]),
    stale: { ...problem, message: `${problem.message}; its pods are as they were with it` },
  };
}

/**
 * The same profiles as its pods have them, where that is another way: for when the API server does
 * not take what they say now.
 */
export function findFormer(
  profiles: readonly AppliedProfile[],
  deployment: Deployment | undefined,
): readonly AppliedProfile[] | undefined {
  const applied = readApplied(deployment);
  const isSame = isDeepStrictEqual(
    applied.map(([name]) => name),
    profiles.map(([name]) => name),
  );
  return isSame && !isDeepStrictEqual(applied, profiles) ? applied : undefined;
}

function toProblem(names: readonly string[], namespace: string): Problem {
  const field = `spec.annotations["${ANNOTATION.profile}"]`;
  const message = `${field}: expected a Profile ${names.join(", ")} in namespace ${namespace}, got none`;
  return { reason: "ProfileNotFound", message };
}

/** Those of a Deployment. What others have made of the annotation counts as none. */
function readApplied(deployment: Deployment | undefined): AppliedProfile[] {
  try {
    const text = deployment?.metadata.annotations?.[ANNOTATION.appliedProfiles] ?? "[]";
    const profiles: unknown = JSON.parse(text);
    return Array.isArray(profiles) && profiles.every(isApplied) ? profiles : [];
  } catch {
    return [];
  }
}

function isApplied(profile: unknown): profile is AppliedProfile {
  const [name, spec] = Array.isArray(profile) ? (profile as unknown[]) : [];
  return typeof name === "string" && typeof spec === "object" && spec !== null;
}
