/** What must not be seen: marks on properties, and values that have no place in messages. */
import {
  hasSecret,
  isBag,
  mapBag,
  readField,
  Secret,
  type Bag,
  type Value,
} from "../lib/values.ts";
import type { Gvk } from "./kinds.ts";

/** True for core/v1 Secret, whose data is secret whoever set it. */
export function isSecretKind({ group, kind }: Gvk): boolean {
  return group === "" && kind === "Secret";
}

/** A Secret's object with its data marked as secret. */
export function hideData(object: Bag): Bag {
  const hidden = { ...object };
  for (const key of ["data", "stringData"]) {
    const value = object[key];
    if (value !== undefined && !(value instanceof Secret)) hidden[key] = new Secret(value);
  }
  return hidden;
}

/** The value with everything marked as secret that is marked in the template. */
export function markSecrets(value: Value, template: Value | undefined): Value {
  if (template instanceof Secret) return value instanceof Secret ? value : new Secret(value);
  if (Array.isArray(value)) return markItems(value, template);
  if (!isBag(value) || !isBag(template)) return value;
  return mapBag(value, (item, key) => markSecrets(item, readField(template, key)));
}

/** The server may add items to a list: when positions cannot be trusted, all of it is secret. */
function markItems(value: Value[], template: Value | undefined): Value {
  if (!Array.isArray(template) || !hasSecret(template)) return value;
  if (template.length !== value.length) return new Secret(value);
  return value.map((item, index) => markSecrets(item, template[index]));
}

/** Shorter values are words like `yes` that say nothing, and taking them out garbles the text. */
const HIDDEN_LENGTH_MIN = 4;

/** The text without the values that are secret in the inputs, plain or in base64. */
export function redact(text: string, inputs: Bag): string {
  return listSecrets(inputs).reduce(
    (hidden, secret) =>
      hidden
        .replaceAll(secret, "[secret]")
        .replaceAll(Buffer.from(secret, "base64").toString("utf8") || secret, "[secret]"),
    text,
  );
}

function listSecrets(value: Value, isSecret = false): string[] {
  if (value instanceof Secret) return listSecrets(value.value, true);
  if (Array.isArray(value)) return value.flatMap((item) => listSecrets(item, isSecret));
  if (isBag(value)) return Object.values(value).flatMap((item) => listSecrets(item, isSecret));
  return isSecret && typeof value === "string" && value.length >= HIDDEN_LENGTH_MIN ? [value] : [];
}
