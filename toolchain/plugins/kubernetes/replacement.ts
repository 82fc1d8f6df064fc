/** Which differences can be applied in place, and which ask for another object. */
import type { DiffRequest, DiffResult, PropertyChange } from "../lib/provider.ts";
import { equals, type Bag } from "../lib/values.ts";
import { compareInputs, type Difference } from "./compare.ts";
import { findRules, type Gvk } from "./kinds.ts";
import { get } from "./metadata.ts";
import { isAutonamed } from "./naming.ts";
import { covers, formatPath, parsePath } from "./paths.ts";

export interface MutabilitySettings {
  /** Update the data of ConfigMaps in place instead of replacing them. @default false */
  enableConfigMapMutable: boolean;
  /** Update the data of Secrets in place instead of replacing them. @default false */
  enableSecretMutable: boolean;
}

/** Makes what a change of it is another object, in every kind. */
const IDENTITY = ["kind", "metadata.name", "metadata.namespace"];

/** What an update would do, by the inputs alone: no call to the cluster. */
export function diffInputs(
  request: DiffRequest,
  gvk: Gvk,
  settings: MutabilitySettings,
): DiffResult {
  const { oldInputs, newInputs } = request;
  const ignored = request.ignoreChanges.map(parsePath);
  const differences = compareInputs(oldInputs, newInputs).filter(
    ({ path }) => !ignored.some((prefix) => covers(prefix, path)),
  );
  if (differences.length === 0) return { changed: false };
  const immutable = listImmutable(gvk, request, settings).map(parsePath);
  const isReplacing = ({ path }: Difference): boolean =>
    immutable.some((prefix) => covers(prefix, path) || covers(path, prefix));
  const detailedDiff = Object.fromEntries(
    differences.map((difference): [string, PropertyChange] => [
      formatPath(difference.path),
      isReplacing(difference) ? `${difference.kind}-replace` : difference.kind,
    ]),
  );
  const isReplaced = differences.some(isReplacing);
  return {
    changed: true,
    detailedDiff,
    deleteBeforeReplace: isReplaced && hasSameIdentity(oldInputs, newInputs),
  };
}

function listImmutable(gvk: Gvk, request: DiffRequest, settings: MutabilitySettings): string[] {
  const kindPaths = findRules(gvk)?.immutable ?? [];
  const groupPaths = hasOtherGroup(request) ? ["apiVersion"] : [];
  return [...IDENTITY, ...groupPaths, ...kindPaths, ...listImmutableData(gvk, request, settings)];
}

/** Another version of the same group is another view of the same object. */
function hasOtherGroup({ oldInputs, newInputs }: DiffRequest): boolean {
  const toGroup = (inputs: Bag): string => {
    const version = get(inputs, "apiVersion");
    return typeof version === "string" && version.includes("/") ? version.replace(/\/.*/, "") : "";
  };
  return toGroup(oldInputs) !== toGroup(newInputs);
}

/**
 * Pods do not notice that a ConfigMap or a Secret has changed, so by default another one is made,
 * under another name where the name is free, and whoever mounts it is rolled out.
 */
function listImmutableData(
  { group, kind }: Gvk,
  { oldInputs }: DiffRequest,
  settings: MutabilitySettings,
): string[] {
  if (group !== "") return [];
  const isSealed = get(oldInputs, "immutable") === true;
  if (kind === "ConfigMap" && (isSealed || !settings.enableConfigMapMutable)) {
    return ["binaryData", "data", "immutable"];
  }
  if (kind === "Secret" && (isSealed || !settings.enableSecretMutable)) {
    return ["data", "immutable", "stringData"];
  }
  return [];
}

/** Two objects of one name cannot exist side by side, so the old one has to go first. */
function hasSameIdentity(oldInputs: Bag, newInputs: Bag): boolean {
  return (
    !isAutonamed(newInputs) &&
    equals(get(oldInputs, "metadata", "name"), get(newInputs, "metadata", "name")) &&
    equals(get(oldInputs, "metadata", "namespace"), get(newInputs, "metadata", "namespace"))
  );
}
