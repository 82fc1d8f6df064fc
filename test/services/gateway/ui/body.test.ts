/** What the page makes of a function's answer. */
import { describe, expect, test } from "@jest/globals";
import { fileName, showBody, SHOWN_BYTES } from "../../../../services/gateway/ui/src/model/body.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("showBody", () => {
  test("knows an empty body", () => {
    expect(showBody(bytes(""), "application/json")).toEqual({
      kind: "empty",
      text: "",
      isCut: false,
    });
  });

  test.each(["application/json", "application/problem+json", "text/plain", ""])(
    "indents JSON that comes as %p",
    (contentType) => {
      expect(showBody(bytes('{"a":[1]}'), contentType)).toEqual({
        kind: "json",
        text: '{\n  "a": [\n    1\n  ]\n}',
        isCut: false,
      });
    },
  );

  test("leaves text that only claims to be JSON as it is", () => {
    expect(showBody(bytes("{no"), "application/json")).toMatchObject({ kind: "text", text: "{no" });
  });

  test("leaves numbers in plain text as they were written", () => {
    expect(showBody(bytes("1.0"), "text/plain")).toMatchObject({ kind: "text", text: "1.0" });
  });

  test("keeps HTML as text", () => {
    const html = "<script>alert(1)</script>";
    expect(showBody(bytes(html), "text/html")).toMatchObject({ kind: "text", text: html });
  });

  test.each([
    ["a zero byte", new Uint8Array([104, 0, 105])],
    ["no UTF-8", new Uint8Array([0xc3, 0x28])],
  ])("takes %s for binary, whatever the type says", (_what, body) => {
    expect(showBody(body, "text/plain")).toEqual({ kind: "binary", text: "", isCut: false });
  });

  test("cuts what is long, without a half character at the end", () => {
    const { kind, text, isCut } = showBody(bytes("é".repeat(SHOWN_BYTES)), "text/plain");
    expect({ kind, isCut }).toEqual({ kind: "text", isCut: true });
    expect(text).toBe("é".repeat(SHOWN_BYTES / 2));
    const odd = showBody(bytes(`x${"é".repeat(SHOWN_BYTES)}`), "text/plain");
    expect(odd.text).toBe(`x${"é".repeat(SHOWN_BYTES / 2 - 1)}`);
  });
});

describe("fileName", () => {
  test.each([
    ["image/png", "resize.png"],
    ["application/json; charset=utf-8", "resize.json"],
    ["text/plain", "resize.txt"],
    ["text/javascript", "resize.js"],
    ["application/problem+json", "resize.json"],
    ["application/octet-stream", "resize.bin"],
    ["", "resize.bin"],
  ])("%p gives %s", (contentType, name) => {
    expect(fileName("resize", contentType)).toBe(name);
  });
});
