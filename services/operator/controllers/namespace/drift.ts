/** What others have made of an object of the operator's, by what is there and who has set it. */
import { isDeepStrictEqual } from "node:util";
import { FIELD_MANAGER } from "../../../../contract/index.ts";
import type { Fields, ManagedFields, Metadata } from "../../kubernetes/types.ts";
import type { OwnObject } from "./objects.ts";

/** The object as the API server has it. */
export interface StoredObject {
  metadata: Metadata;
  [field: string]: unknown;
}

type FieldPath = readonly string[];

/**
 * The fields, each as `spec.x (manager)`, that others have written, or taken away.
 * @param wasAsWanted - whether this instance has seen it as it is wanted: of a field that nobody
 * has set, nothing else tells whether somebody took it away or an operator before this one had none
 */
export function findDrift(
  { content }: OwnObject,
  stored: StoredObject,
  wasAsWanted: boolean,
): string[] {
  const { managedFields = [] } = stored.metadata;
  return findDifferent(content, stored).flatMap((path) => {
    const owners = managedFields.filter(({ fieldsV1 }) => owns(fieldsV1, path));
    const others = owners.filter(({ manager }) => manager !== FIELD_MANAGER.operator);
    // What the operator alone has set, one with other settings has set.
    const isFound = others.length > 0 || (owners.length === 0 && wasAsWanted);
    return isFound ? [`${path.join(".")} (${toNames(others)})`] : [];
  });
}

/** Whether all that the operator wants is there, and nothing else. */
export function isAsWanted({ content }: Pick<OwnObject, "content">, stored: StoredObject): boolean {
  return findDifferent(content, stored).length === 0;
}

/** Of the fields that are not as they are wanted, those of a spec each by itself. */
function findDifferent(content: OwnObject["content"], stored: StoredObject): FieldPath[] {
  return Object.entries(content).flatMap(([field, wanted]) => {
    const found = stored[field];
    return field === "spec"
      ? findDifferentKeys(wanted as object, found ?? {}).map((key) => [field, key])
      : isDeepStrictEqual(found, wanted)
        ? []
        : [[field]];
  });
}

function findDifferentKeys(wanted: object, found: object): string[] {
  const [left, right] = [new Map(Object.entries(wanted)), new Map(Object.entries(found))];
  return [...new Set([...left.keys(), ...right.keys()])].filter(
    (key) => !isDeepStrictEqual(left.get(key), right.get(key)),
  );
}

function owns(fields: Fields | undefined, path: FieldPath): boolean {
  const last = path.reduce<Fields | undefined>((at, name) => at?.[`f:${name}`], fields);
  return last !== undefined;
}

function toNames(managers: readonly ManagedFields[]): string {
  const names = new Set(managers.map(({ manager = "unknown" }) => manager));
  return names.size === 0 ? "unknown" : [...names].join(", ");
}
