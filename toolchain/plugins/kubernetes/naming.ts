/** Auto-naming: an object without a name gets the resource's name and a random suffix. */
import { createHash, randomBytes } from "node:crypto";
import type { Autonaming, CheckRequest } from "../lib/provider.ts";
import type { Bag } from "../lib/values.ts";
import { ANNOTATION, get, getAnnotation, withAnnotation, withMetadata } from "./metadata.ts";

const SUFFIX_LENGTH = 8;

/**
 * The inputs with a name: their own, the one of last time if that was made here, or a new one.
 * @throws Error when the project's configuration disables auto-naming
 */
export function assignName(request: CheckRequest): Bag {
  const inputs = request.newInputs;
  const { oldInputs } = request;
  if (isNamed(inputs)) return inputs;
  const isKept =
    oldInputs !== undefined && getAnnotation(oldInputs, ANNOTATION.autonamed) === "true";
  const kept = isKept ? get(oldInputs, "metadata", "name") : undefined;
  const name = kept ?? makeName(request);
  return withAnnotation(withMetadata(inputs, { name }), ANNOTATION.autonamed, "true");
}

/** True when the name was made by `assignName`. */
export function isAutonamed(inputs: Bag): boolean {
  return getAnnotation(inputs, ANNOTATION.autonamed) === "true";
}

/** A name that is not known yet is a name too, and so is the API's own `generateName`. */
function isNamed(inputs: Bag): boolean {
  const hasName = (get(inputs, "metadata", "name") ?? "") !== "";
  return hasName || (get(inputs, "metadata", "generateName") ?? "") !== "";
}

function makeName(request: CheckRequest): string {
  const { autonaming, randomSeed } = request;
  if (autonaming?.mode === "disable") {
    throw new Error(`metadata.name: must be given, because auto-naming is disabled`);
  }
  if (hasProposal(autonaming)) return autonaming.proposedName;
  // The engine's seed, where it gives one, makes a plan and its update agree on the name.
  const bytes =
    randomSeed.length > 0
      ? createHash("sha256").update(randomSeed).update(request.urn).digest()
      : randomBytes(SUFFIX_LENGTH);
  return `${request.name}-${bytes.toString("hex").slice(0, SUFFIX_LENGTH)}`;
}

function hasProposal(autonaming: Autonaming | undefined): autonaming is Autonaming {
  return autonaming !== undefined && autonaming.proposedName !== "";
}
