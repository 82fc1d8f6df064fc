/** Where a function store may be from, and what a store document is. */
import { describe, expect, test } from "@jest/globals";
import { findStoreMistake, StoreDocument } from "../../contract/index.ts";
import { isValid } from "../../contract/schema-findings.ts";

const EXPECTED = "expected own, off, or an https URL without credentials and query, got";

describe("findStoreMistake", () => {
  test.each([
    "own",
    "off",
    "https://example.com",
    "https://example.com:8443/a/b@c/store.json",
    "https://[::1]/store",
  ])("takes %s", (source) => {
    expect(findStoreMistake(source)).toBeUndefined();
  });

  test.each([
    ["", '""'],
    ["Own", '"Own"'],
    ["example.com/store.json", '"example.com/store.json"'],
    ["https://", '"https://"'],
    ["https://user:secret@", "another text"],
    ["http://example.com/store.json", "one of http:"],
    ["file:///etc/passwd", "one of file:"],
    ["https://user:secret@example.com/", "one with credentials"],
    ["https://secret@example.com/", "one with credentials"],
    ["https://example.com/?token=secret", "one with a query or a fragment"],
    ["https://example.com/#secret", "one with a query or a fragment"],
    [true, "true"],
    [undefined, "undefined"],
  ])("refuses %s, without showing what is secret in it", (source, got) => {
    expect(findStoreMistake(source)).toBe(`${EXPECTED} ${got}`);
  });
});

describe("a store document", () => {
  const figlet = {
    ...{ name: "figlet", title: "Figlet", description: "Letters", icon: "https://x.example/i.png" },
    ...{ images: { x86_64: "x.example/figlet:1", armhf: "x.example/figlet:1-armhf" } },
    ...{ fprocess: "figlet", repo_url: "https://x.example/figlet", network: "func_functions" },
    ...{ readOnlyRootFilesystem: true, environment: { a: "b" }, labels: { "x/y": "z" } },
    ...{ annotations: { topic: "t" }, author: "of a newer schema" },
  };
  const toDocument = (changes: object): unknown => ({
    version: "0.2.0",
    functions: [{ ...figlet, ...changes }],
  });

  test("may have all that OpenFaaS' schema has, and more", () => {
    expect(isValid(StoreDocument, toDocument({}))).toBe(true);
    expect(isValid(StoreDocument, { version: "0.2.1", functions: [] })).toBe(true);
  });

  test.each([
    ["a name that no function can have", { name: "Figlet" }],
    ["no image", { images: {} }],
    ["an image that is no reference", { images: { x86_64: "a b" } }],
    ["no title", { title: "" }],
    ["a variable that is no text", { environment: { a: 1 } }],
    ["a label that Kubernetes refuses", { labels: { a: "b c" } }],
    ["a process with a NUL", { fprocess: "a\0" }],
  ])("has no function with %s", (_, changes) => {
    expect(isValid(StoreDocument, toDocument(changes))).toBe(false);
  });

  test.each(["0.1.0", "1.0.0", ""])("is not of version %j", (version) => {
    expect(isValid(StoreDocument, { version, functions: [] })).toBe(false);
  });
});
