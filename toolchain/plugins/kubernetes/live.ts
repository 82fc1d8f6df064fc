/**
 * The inputs as the cluster has them now: the fields that the program set, with their live values.
 * What the server or other managers added is none of the program's business.
 */
import {
  equals,
  isBag,
  mapBag,
  readField,
  Secret,
  unwrap,
  type Bag,
  type Value,
} from "../lib/values.ts";
import { get, getString } from "./metadata.ts";

/** Metadata that only the server writes. */
const SERVER_METADATA = new Set([
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generation",
  "managedFields",
  "ownerReferences",
  "resourceVersion",
  "selfLink",
  "uid",
]);
/** Fields by which the API itself tells items of a list apart. */
const ITEM_KEYS = ["name", "containerPort", "port", "mountPath", "devicePath", "key", "ip", "type"];

/** Old inputs with the live values of their fields; fields that are gone are left out. */
export function projectInputs(inputs: Bag, live: Bag): Bag {
  const { stringData, ...rest } = inputs;
  const projected = project(rest, live) as Bag;
  if (stringData === undefined) return projected;
  // The API takes `stringData` and never gives it back.
  const kept = projectStringData(stringData, get(live, "data"));
  return kept === undefined ? projected : { ...projected, stringData: kept };
}

/** Inputs for an object that is imported: all of it but what the server sets by itself. */
export function importInputs(live: Bag): Bag {
  const rest = { ...live };
  delete rest["status"];
  const metadata = Object.entries((get(live, "metadata") ?? {}) as Bag).filter(
    ([key]) => !SERVER_METADATA.has(key),
  );
  return { ...rest, metadata: Object.fromEntries(metadata) };
}

/** The wanted value where the live one means the same, the live one where it does not. */
function project(wanted: Value, live: Value | undefined): Value | undefined {
  if (wanted instanceof Secret) {
    const inner = project(wanted.value, live);
    return inner === undefined ? undefined : new Secret(inner);
  }
  return projectPlain(wanted, live ?? undefined);
}

function projectPlain(wanted: Exclude<Value, Secret>, live: Value | undefined): Value | undefined {
  if (live === undefined) return isNothing(wanted) ? wanted : undefined;
  if (isBag(wanted) && isBag(live)) return projectFields(wanted, live);
  if (Array.isArray(wanted) && Array.isArray(live)) return projectItems(wanted, live);
  return meansSame(wanted, live) ? wanted : live;
}

function projectFields(wanted: Bag, live: Bag): Bag {
  return mapBag(wanted, (value, key) => project(value, readField(live, key)));
}

function projectItems(wanted: Value[], live: Value[]): Value[] {
  const itemKey = findItemKey(wanted);
  if (itemKey !== undefined && wanted.length !== live.length) {
    return wanted.flatMap((item) => {
      const id = get(item, itemKey);
      const found = project(
        item,
        live.find((other) => equals(get(other, itemKey), id)),
      );
      return found === undefined ? [] : [found];
    });
  }
  if (wanted.length !== live.length) return live;
  return wanted.map((item, index) => project(item, live[index]) ?? null);
}

function findItemKey(items: Value[]): string | undefined {
  return ITEM_KEYS.find((key) => items.every((item) => get(item, key) !== undefined));
}

/** The API leaves out what is empty. */
function isNothing(value: Value): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isBag(value)) return Object.values(value).every(isNothing);
  return value === null || value === "" || value === 0 || value === false;
}

/** The API writes quantities in a form of its own: `1000m` comes back as `1`. */
function meansSame(wanted: Value, live: Value): boolean {
  if (equals(wanted, live)) return true;
  const left = parseQuantity(wanted);
  return left !== undefined && left === parseQuantity(live);
}

const SUFFIX: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};
const QUANTITY = /^([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)(?:([eE][+-]?\d+)|([numkKMGTPE]i?)?)$/;

/** Value of a Kubernetes quantity; undefined for what is none. */
export function parseQuantity(value: Value): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return undefined;
  const match = QUANTITY.exec(value);
  if (!match) return undefined;
  const [, digits = "", exponent = "", suffix = ""] = match;
  const factor = SUFFIX[suffix];
  if (factor === undefined) return undefined;
  // Twelve digits: beyond what anybody writes, short of what floating point cannot hold.
  return Number((Number(digits + exponent) * factor).toPrecision(12));
}

function projectStringData(stringData: Value, liveData: Value | undefined): Value | undefined {
  const wanted = unwrap(stringData);
  if (!isBag(wanted)) return stringData;
  const kept = mapBag(wanted, (value, key) => {
    const encoded = getString(liveData, key);
    if (encoded === undefined) return undefined;
    const text = Buffer.from(encoded, "base64").toString("utf8");
    return unwrap(value) === text ? value : new Secret(text);
  });
  return new Secret(kept);
}

/** The object with the values that the cluster has at the given paths, or without them. */
export function withLiveValues(object: Bag, live: Bag, paths: readonly (readonly string[])[]): Bag {
  return paths.reduce((changed, path) => replaceAt(changed, live, path), object);
}

function replaceAt(object: Bag, live: Value | undefined, path: readonly string[]): Bag {
  const [key, ...rest] = path;
  const field = key === undefined ? undefined : readField(object, key);
  if (key === undefined || field === undefined) return object;
  const liveField = get(live, key);
  if (rest.length > 0) {
    return isBag(field) ? { ...object, [key]: replaceAt(field, liveField, rest) } : object;
  }
  const changed = { ...object };
  if (liveField === undefined) Reflect.deleteProperty(changed, key);
  else changed[key] = liveField;
  return changed;
}
