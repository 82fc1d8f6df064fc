/**
 * Bodies as Go's servers read them (`encoding/json`), which is what OpenFaaS' clients count on:
 * names of fields in any case, and null, or an empty text, for what is not given.
 */
import type { TSchema } from "typebox";
import { dropEmptyFields, quote, toField } from "../../../contract/index.ts";
import { failures, HttpError } from "../errors.ts";

/** The keywords of a schema that are read here. */
interface Node {
  properties?: Record<string, Node>;
  additionalProperties?: Node | boolean;
  items?: Node;
  deprecated?: boolean;
}

/** Longest unknown name that a message shows in full, characters. */
const MAX_NAME = 80;

/**
 * `body` with the names that its schema has, and without fields that say nothing.
 * @throws HttpError 400 for a field that there is not, and for one in two spellings
 */
export function readAsGo(schema: TSchema, body: unknown): unknown {
  return dropEmptyFields(schema, rename(schema, body, []));
}

function rename(schema: Node, value: unknown, path: readonly string[]): unknown {
  const { properties, items } = schema;
  if (Array.isArray(value)) {
    return value.map((item, index) => rename(items ?? {}, item, [...path, String(index)]));
  }
  if (properties === undefined || typeof value !== "object" || value === null) {
    return value;
  }
  const known = new Map(Object.keys(properties).map((name) => [fold(name), name]));
  const spellings = new Map<string, string>();
  const entries = Object.entries(value).map(([sent, field]): [string, unknown] => {
    const name = Object.hasOwn(properties, sent) ? sent : (known.get(fold(sent)) ?? sent);
    refuseTwice(spellings, name, { sent, path });
    if (Object.hasOwn(properties, name)) {
      return [name, rename(properties[name] ?? {}, field, [...path, name])];
    }
    refuseUnknown(schema, [...path, name.slice(0, MAX_NAME)]);
    return [name, field];
  });
  return Object.fromEntries(entries);
}

/** What is ignored in silence would be a mistake that nobody sees. */
function refuseUnknown({ properties = {}, additionalProperties }: Node, path: string[]): void {
  if (additionalProperties === false) {
    const known = Object.entries(properties).filter(([, { deprecated }]) => deprecated !== true);
    const names = known.map(([name]) => name).join(", ");
    throw new HttpError(
      failures.badRequest(`${toField(path)}: expected ${names}, got another field`),
    );
  }
}

/** Go takes the last one, or for a map both: nobody can have meant that. */
function refuseTwice(
  spellings: Map<string, string>,
  name: string,
  { sent, path }: { sent: string; path: readonly string[] },
): void {
  const other = spellings.get(name);
  if (other !== undefined) {
    const got = `${quote(other)} and ${quote(sent)}`;
    const expected = "the field once";
    throw new HttpError(
      failures.badRequest(`${toField([...path, name])}: expected ${expected}, got ${got}`),
    );
  }
  spellings.set(name, sent);
}

/**
 * Go's folding (`foldName`): of all letters beside ASCII's, the long s and the sign of the kelvin
 * alone fold to one of those.
 */
function fold(name: string): string {
  return name.replaceAll(/[A-Z\u017f\u212a]/g, (letter) =>
    letter === "\u017f" ? "s" : letter.toLowerCase(),
  );
}
