/** Own properties of captured values, and what of them Pulumi's serializer leaves out. */
import { types } from "node:util";
import type { Part, PropertyPart } from "./revive.ts";

/** Own properties; without the items of bytes, which are content. */
export function toProperties(value: object): PropertyPart[] {
  const keys = Reflect.ownKeys(value);
  const items = types.isTypedArray(value) ? value.length : 0;
  return keys.slice(items).map((key) => toProperty(value, key));
}

function toProperty(value: object, key: string | symbol): PropertyPart {
  return { key, ...Object.getOwnPropertyDescriptor(value, key) };
}

/** The properties that the serializer loses of an array, a RegExp or an object. */
export function toMissing(value: object): PropertyPart[] {
  if (Array.isArray(value)) {
    return toMissingOfArray(value);
  }
  if (types.isRegExp(value)) {
    return toProperties(value).filter(({ key }) => key !== "lastIndex" || value.lastIndex !== 0);
  }
  return Object.hasOwn(value, "__proto__") ? [toProperty(value, "__proto__")] : [];
}

/** It writes items one after the other, nothing for `undefined`, and sets no length. */
function toMissingOfArray(value: unknown[]): PropertyPart[] {
  const properties = toProperties(value);
  const isPlain = properties.every(
    ({ key, ...property }) => key === "length" || isPlainItem(key, property),
  );
  const isDense = properties.length === value.length + 1;
  return isPlain && isDense ? [] : properties;
}

function isPlainItem(key: string | symbol, property: PropertyDescriptor): boolean {
  const { writable, enumerable, configurable } = property;
  const isUsual = writable === true && enumerable === true && configurable === true;
  return isUsual && property.value !== undefined && /^\d+$/.test(String(key));
}

/** What was forbidden to be done with `value`. */
export function toLimit(value: object): Pick<Part, "limit"> {
  if (Object.isExtensible(value)) {
    return {};
  }
  const kept = Object.isSealed(value) ? "sealed" : "fixed";
  return { limit: Object.isFrozen(value) ? "frozen" : kept };
}
