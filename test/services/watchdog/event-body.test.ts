import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { collectParameters, parseBody } from "../../../services/watchdog/event-body.ts";

describe("parseBody", () => {
  it.each([
    ["application/json", '{"a":1}', { a: 1 }],
    ["application/json; charset=utf-8", "null", null],
    ["application/problem+json", "[]", []],
    ["application/json", "", ""],
    [undefined, "text", "text"],
    ["text/csv", "a,b", "a,b"],
    ["application/xml", "<a/>", "<a/>"],
    ["application/x-www-form-urlencoded", "a=1&b=", { a: "1", b: "" }],
    ["application/x-www-form-urlencoded", "just text", "just text"],
  ])("makes of %s %j: %j", (type, text, expected) => {
    expect(parseBody(Buffer.from(text), type)).toStrictEqual(expected);
  });

  it("leaves every other type as bytes", () => {
    const body = Buffer.from([1, 2]);
    expect(parseBody(body, "application/octet-stream")).toBe(body);
    expect(parseBody(body, "image/png")).toBe(body);
  });

  it("gives back any JSON that was sent", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(parseBody(Buffer.from(text), "application/json")).toStrictEqual(JSON.parse(text));
      }),
    );
  });

  it("never changes a prototype, whatever the names are", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string())), (pairs) => {
        const parameters = collectParameters(new URLSearchParams([["__proto__", "x"], ...pairs]));
        expect(Object.getPrototypeOf(parameters)).toBe(Object.prototype);
        expect(Object.keys(parameters)).toHaveLength(
          new Set(["__proto__", ...pairs.map(([name]) => name)]).size,
        );
      }),
    );
  });
});
