/**
 * The one grammar of `callback_allow`: hosts that callbacks may reach although they are not public.
 * Whoever writes the list and whoever reads it take the same entries.
 */
import { isIP } from "node:net";
import { type AddressRange, parseRange } from "../address-range.ts";
import { quote } from "../finding.ts";

/** What an entry is, for errors. */
export const CALLBACK_HOST_EXPECTATION =
  "an address, a range such as 10.0.0.0/8, or a host name such as a.example.com or *.example.com";

/** An entry of the list; a suffix, such as `.example.com`, is that of all names below. */
export type CallbackHost = { range: AddressRange } | { name: string } | { suffix: string };

/** Reads an entry; undefined for what is none. */
export function parseCallbackHost(entry: string): CallbackHost | undefined {
  const range = parseRange(entry);
  return range === undefined ? parseName(entry) : { range };
}

/** What is wrong with an entry, but for the field's name; undefined where nothing is. */
export function findCallbackHostMistake(entry: string): string | undefined {
  return parseCallbackHost(entry) === undefined
    ? `expected ${CALLBACK_HOST_EXPECTATION}, got ${quote(entry)}`
    : undefined;
}

/** The entries of a list in one text, between commas or blanks; no entry has either in it. */
export function splitCallbackHosts(text: string): string[] {
  return text.split(/[\s,]+/).filter((entry) => entry !== "");
}

/** Without the dots at its end, which only say that a name is complete, and in lower case. */
export function toPlainName(name: string): string {
  return name.toLowerCase().replace(/\.+$/, "");
}

/** A name, perhaps with `*.` before it, as URLs show it; undefined where it is none. */
function parseName(entry: string): CallbackHost | undefined {
  const [, star = "", rest = ""] = /^(\*\.)?([^\s/?#@:\\%[\]]+)$/.exec(entry) ?? [];
  const name = toPlainName(URL.parse(`http://${rest}`)?.hostname ?? "");
  const isName = /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/.test(name);
  if (!isName || isIP(name) !== 0) {
    return undefined;
  }
  return star === "" ? { name } : { suffix: `.${name}` };
}
