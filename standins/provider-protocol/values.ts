/**
 * Property maps: the encoding of secrets, unknowns and outputs in protobuf Structs by Pulumi's
 * provider protocol, and the plain values for plugins.
 */
import struct from "google-protobuf/google/protobuf/struct_pb.js";

/** The key that marks an encoded object as a special value. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE_SIGNATURE = "0def7320c3a5731c473e5ecbe6d01bc7";
/** The protocol has a sentinel per type of an unknown value; current SDKs send only the first. */
const UNKNOWN_WIRE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const UNKNOWN_WIRES = new Set([
  UNKNOWN_WIRE,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** A value that is unknown in a preview; the only instance is `UNKNOWN`. */
class Unknown {
  readonly isUnknown = true;
}

export const UNKNOWN = new Unknown();

/** A value that the engine encrypts in its state and hides in its output. */
export class Secret {
  readonly value: Value;

  constructor(value: Value) {
    this.value = value;
  }
}

export type Value = null | boolean | number | string | Unknown | Secret | Value[] | PropertyMap;

/** The properties of a resource. A field that is absent is `undefined` when read. */
export interface PropertyMap {
  [key: string]: Value;
}

/** Whether a value is an object with fields: not an array, a secret or null. */
export function isPropertyMap(value: Value | undefined): value is PropertyMap {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Secret) &&
    !(value instanceof Unknown)
  );
}

/** Whether a value is an asset or an archive, which are maps with a signature. */
export function isAsset(value: Value | undefined): value is PropertyMap {
  return isSigned(value, ASSET_SIGNATURE) || isArchive(value);
}

/** Whether a value is an archive. */
export function isArchive(value: Value | undefined): value is PropertyMap {
  return isSigned(value, ARCHIVE_SIGNATURE);
}

function isSigned(value: Value | undefined, signature: string): value is PropertyMap {
  return isPropertyMap(value) && readField(value, SIGNATURE) === signature;
}

/** A map's own field; `constructor` is absent unless it was set. */
export function readField(properties: PropertyMap, key: string): Value | undefined {
  return Object.hasOwn(properties, key) ? properties[key] : undefined;
}

/**
 * The map with each value changed, and without those that became undefined.
 * fromEntries defines own fields, so that one named `__proto__` is kept.
 */
export function mapPropertyMap(
  properties: PropertyMap,
  change: (value: Value, key: string) => Value | undefined,
): PropertyMap {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([key, value]) => {
      const changed = change(value, key);
      return changed === undefined ? [] : [[key, changed]];
    }),
  );
}

/** The value inside a secret, or the value itself. */
export function unwrap(value: Value | undefined): Value | undefined {
  return value instanceof Secret ? unwrap(value.value) : value;
}

/** The same value without any secret marks, at any depth. For use, never for the state. */
export function reveal(value: Value): Value {
  if (value instanceof Secret) {
    return reveal(value.value);
  }
  if (Array.isArray(value)) {
    return value.map(reveal);
  }
  return isPropertyMap(value) ? mapPropertyMap(value, reveal) : value;
}

/** Whether a part of the value, secret or not, is unknown. */
export function hasUnknown(value: Value | undefined): boolean {
  return someValue(value, (part) => part === UNKNOWN);
}

/** Whether a part of the value is secret. */
export function hasSecret(value: Value | undefined): boolean {
  return someValue(value, (part) => part instanceof Secret);
}

/**
 * Deep equality; a secret equals its plain value, and an unknown equals nothing. Files and archives
 * are compared by content, as paths differ between machines.
 */
export function equals(left: Value | undefined, right: Value | undefined): boolean {
  const a = unwrap(left);
  const b = unwrap(right);
  if (a === UNKNOWN || b === UNKNOWN) {
    return false;
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => equals(item, b[index]));
  }
  return isPropertyMap(a) && isPropertyMap(b) ? equalBags(a, b) : a === b;
}

function equalBags(a: PropertyMap, b: PropertyMap): boolean {
  if (isAsset(a) && typeof a["hash"] === "string") {
    return a[SIGNATURE] === b[SIGNATURE] && a["hash"] === b["hash"];
  }
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equals(a[key], b[key]))
  );
}

/** Decodes a property map; an absent one is empty. */
export function decodePropertyMap(wire: struct.Struct | undefined): PropertyMap {
  if (!wire) {
    return {};
  }
  return decodeFields(wire.toJavaScript());
}

/** Encodes a property map, without fields that are `undefined`. */
export function encodePropertyMap(properties: PropertyMap): struct.Struct {
  return struct.Struct.fromJavaScript(
    encodeValue(properties) as Record<string, struct.JavaScriptValue>,
  );
}

function someValue(value: Value | undefined, test: (part: Value) => boolean): boolean {
  if (value === undefined) {
    return false;
  }
  if (test(value)) {
    return true;
  }
  if (value instanceof Secret) {
    return someValue(value.value, test);
  }
  if (Array.isArray(value)) {
    return value.some((item) => someValue(item, test));
  }
  return isPropertyMap(value) && Object.values(value).some((item) => someValue(item, test));
}

function decodeFields(fields: Record<string, unknown>): PropertyMap {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, decodeValue(value)]),
  );
}

function decodeValue(wire: unknown): Value {
  if (Array.isArray(wire)) {
    return wire.map(decodeValue);
  }
  if (typeof wire === "string") {
    return UNKNOWN_WIRES.has(wire) ? UNKNOWN : wire;
  }
  if (typeof wire !== "object" || wire === null) {
    return wire as Value;
  }
  const fields = wire as Record<string, unknown>;
  if (fields[SIGNATURE] === SECRET_SIGNATURE) {
    return new Secret(decodeValue(fields["value"]));
  }
  if (fields[SIGNATURE] === OUTPUT_SIGNATURE) {
    return decodeOutput(fields);
  }
  return decodeFields(fields);
}

function decodeOutput(fields: Record<string, unknown>): Value {
  const value = "value" in fields ? decodeValue(fields["value"]) : UNKNOWN;
  return fields["secret"] === true ? new Secret(value) : value;
}

function encodeValue(value: Value): unknown {
  if (value === UNKNOWN) {
    return UNKNOWN_WIRE;
  }
  if (value instanceof Secret) {
    return { [SIGNATURE]: SECRET_SIGNATURE, value: encodeValue(value.value) };
  }
  if (Array.isArray(value)) {
    return value.map(encodeValue);
  }
  if (!isPropertyMap(value)) {
    return value;
  }
  const fields: Record<string, unknown> = {};
  for (const [key, item] of Object.entries<Value | undefined>(value)) {
    if (item !== undefined) {
      fields[key] = encodeValue(item);
    }
  }
  return fields;
}
