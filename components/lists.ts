/** Lists of texts that a process reads from one variable: each entry has a grammar. */
import * as pulumi from "@pulumi/pulumi";
import { quote } from "../contract/index.ts";
import { type ArgumentChecks, ArgumentError, isLater } from "./errors.ts";

/** A list, of which each entry, or all of it, may be an output. */
export type Entries = pulumi.Input<pulumi.Input<string>[]>;

/** What is wrong with an entry, but for the field's name; undefined where nothing is. */
export type FindMistake = (entry: string) => string | undefined;

/** Returns the entries; each is checked at once, or when it is known. */
export function checkEntries(
  checks: ArgumentChecks,
  { field, find }: { field: string; find: FindMistake },
  entries: Entries,
): Entries {
  const check = (entry: unknown, index: number): string =>
    checkEntry(`${field}[${index}]`, entry, find);
  return isLater(entries)
    ? checks.apply(entries, (known: unknown) => checkList(field, known).map(check))
    : entries.map((entry, index) => checks.verify(entry, (known) => check(known, index)));
}

/** The entries in one text. */
export function joinEntries(entries: Entries): pulumi.Output<string> {
  return pulumi.output(entries).apply((known) => known.join(","));
}

function checkList(field: string, known: unknown): unknown[] {
  if (Array.isArray(known)) {
    return known;
  }
  throw new ArgumentError(`${field}: expected a list, got ${quote(known)}`);
}

function checkEntry(field: string, entry: unknown, find: FindMistake): string {
  if (typeof entry !== "string") {
    throw new ArgumentError(`${field}: expected a text, got ${quote(entry)}`);
  }
  const mistake = find(entry);
  if (mistake === undefined) {
    return entry;
  }
  throw new ArgumentError(`${field}: ${mistake}`);
}
