/** Which requests are beyond doubt; what becomes of the others is tried in smuggling.test.ts. */
import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import {
  findViolation,
  isUpgrade,
} from "../../../../../services/gateway/http/guard/request-validation.ts";
import { runs } from "../../../../support/property-runs.ts";

interface Parts {
  url?: string;
  method?: string;
  version?: "1.0" | "1.1";
  headers?: Record<string, string>;
}

function request({ url = "/", method = "GET", version = "1.1", headers = {} }: Parts) {
  const all: Record<string, string> = { host: "h", ...headers };
  const parts = {
    ...{ url, method, headers: all, rawHeaders: Object.entries(all).flat() },
    ...{ httpVersion: version, httpVersionMajor: 1, httpVersionMinor: version === "1.1" ? 1 : 0 },
  };
  return parts as unknown as IncomingMessage;
}

describe("findViolation", () => {
  test.each([
    "/",
    "/a?b=c",
    "/a//b/../c",
    "/a%2Fb;c=d",
    "/?",
    "*",
    "http://h/a",
    "https://h",
    "https://h/?q",
    "/:@!$&'()*+,;=~|^",
  ])("lets the target %s pass", (url) => expect(findViolation(request({ url }))).toBeUndefined());

  test.each([
    "a",
    "/a b",
    "/a#b",
    "http://h?q",
    "/%",
    "/%4",
    "/%g0",
    "/%00",
    "/\x80",
    "http://u@h/",
    "http://h:x/",
    "ftp://h/",
  ])("refuses the target %j", (url) =>
    expect(findViolation(request({ url }))).toMatch(/^(?:target|Host): /),
  );

  test.each(["h", "h:80", "a-b.c", "127.0.0.1:8080", "[::1]:80", "a_b"])(
    "lets the host %s pass",
    (host) => expect(findViolation(request({ headers: { host } }))).toBeUndefined(),
  );

  test.each(["", "a b", "a/b", "a@b", "a:b", "[::1", "a,b c", "\xe9"])(
    "refuses the host %j",
    (host) => expect(findViolation(request({ headers: { host } }))).toMatch(/^Host: /),
  );

  test("never lets a byte pass that is neither printable nor ASCII", () => {
    const byte = fc.integer({ min: 0, max: 255 }).filter((code) => code <= 32 || code >= 127);
    fc.assert(
      fc.property(byte, fc.webPath(), fc.nat(), (code, path, place) => {
        const at = 1 + (place % (path.length + 1));
        const whole = `/${path}`;
        const url = whole.slice(0, at) + String.fromCharCode(code) + whole.slice(at);
        return findViolation(request({ url }))?.startsWith("target: ") === true;
      }),
      { numRuns: runs(20_000) },
    );
  });

  test("lets every path pass that a URL parser has written", () => {
    const path = fc.tuple(fc.webPath(), fc.webQueryParameters());
    fc.assert(
      fc.property(path, ([text, query]) => {
        const url = new URL(`http://h/${text}?${query}`);
        const target = `${url.pathname}${url.search}`;
        return target.includes("%00") || findViolation(request({ url: target })) === undefined;
      }),
      { numRuns: runs(20_000) },
    );
  });
});

describe("headers of which there is one", () => {
  test.each(["authorization", "expect", "if-match", "if-none-match", "if-range", "content-range"])(
    "%s is refused twice",
    (name) => {
      const headers = { [name]: "a", [name.toUpperCase()]: "a" };
      expect(findViolation(request({ headers }))).toBe(`${name}: expected one, got several`);
      expect(findViolation(request({ headers: { [name]: "a" } }))).toBeUndefined();
    },
  );

  test("others may be there twice", () => {
    const headers = { cookie: "a", Cookie: "b", accept: "a", Accept: "b" };
    expect(findViolation(request({ headers }))).toBeUndefined();
  });
});

describe("the port of an absolute target", () => {
  test.each([
    ["http://h/", "h:80"],
    ["http://h:80/", "h"],
    ["https://h/", "h:443"],
    ["HTTPS://h:443/", "h"],
    ["http://h:81/", "h:81"],
  ])("%s goes with the host %s", (url, host) => {
    expect(findViolation(request({ url, headers: { host } }))).toBeUndefined();
  });

  test.each([
    ["https://h/", "h:80"],
    ["https://h:80/", "h"],
    ["http://h:443/", "h"],
    ["http://h:81/", "h"],
  ])("%s does not go with the host %s", (url, host) => {
    expect(findViolation(request({ url, headers: { host } }))).toMatch(/^Host: expected the one/);
  });
});

describe("an Upgrade header", () => {
  test.each([undefined, "", "k", `${"a".repeat(22)}=`, "a".repeat(24), `${"-".repeat(22)}==`])(
    "of a WebSocket is refused with the key %j",
    (key) => {
      const upgrade = { connection: "keep-alive, Upgrade", upgrade: "websocket" };
      const headers = { ...upgrade, ...(key !== undefined && { "sec-websocket-key": key }) };
      expect(findViolation(request({ headers }))).toMatch(/^Sec-WebSocket-Key: expected 16 bytes/);
    },
  );

  test.each(["websocket", "h2c", "TLS/1.0", ""])("may name %j", (upgrade) => {
    expect(findViolation(request({ headers: { upgrade } }))).toBeUndefined();
  });

  test.each(["websocket, h2c", "h2c,", "\xff", "a\u0000"])("may not be %j", (upgrade) => {
    expect(findViolation(request({ headers: { upgrade } }))).toMatch(/^Upgrade: expected the name/);
  });
});

describe("isUpgrade", () => {
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  const headers = { upgrade: "WebSocket", connection: "Upgrade", "sec-websocket-key": key };

  test("is true for a GET without a body to websocket", () => {
    expect(isUpgrade(request({ headers }))).toBe(true);
  });

  test.each([
    ["another method", { headers, method: "POST" }],
    ["another protocol", { headers: { ...headers, upgrade: "h2c" } }],
    ["a length", { headers: { ...headers, "content-length": "5" } }],
    ["chunks", { headers: { ...headers, "transfer-encoding": "chunked" } }],
    ["a bad target", { headers, url: "/#" }],
  ])("is false with %s", (_name, parts: Parts) => {
    expect(isUpgrade(request(parts))).toBe(false);
  });
});
