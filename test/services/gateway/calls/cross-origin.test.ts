/** Pages of other sites: which of them may call functions asynchronously, and read the answer. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  answerPreflight,
  isPreflight,
  toCrossOriginHeaders,
} from "../../../../services/gateway/calls/cross-origin.ts";

const PAGE = "https://page.example";
const ASKED = { origin: PAGE, "access-control-request-method": "POST" };

const requestOf = (headers: IncomingHttpHeaders, method = "OPTIONS"): IncomingMessage =>
  ({ method, headers }) as unknown as IncomingMessage;

/** Flat headers by their names in lower case. */
function toMap(flat: readonly string[]): Record<string, string> {
  const pairs = flat.flatMap((name, index) =>
    index % 2 === 0 ? [[name.toLowerCase(), flat[index + 1] ?? ""]] : [],
  );
  return Object.fromEntries(pairs) as Record<string, string>;
}

describe("a preflight", () => {
  test.each<[string, IncomingMessage, boolean]>([
    ["what a browser sends before a page's call", requestOf(ASKED), true],
    ["a length of 0 as well", requestOf({ ...ASKED, "content-length": "0" }), true],
    ["a call of another method", requestOf(ASKED, "POST"), false],
    ["OPTIONS without an origin", requestOf({ "access-control-request-method": "POST" }), false],
    ["OPTIONS without the method to come", requestOf({ origin: PAGE }), false],
    ["OPTIONS with a body", requestOf({ ...ASKED, "content-length": "1" }), false],
    ["OPTIONS with chunks", requestOf({ ...ASKED, "transfer-encoding": "chunked" }), false],
  ])("is %s", (_what, request, outcome) => {
    expect(isPreflight(request)).toBe(outcome);
  });
});

/** What a preflight is answered; undefined: nothing was said. */
function ask(headers: IncomingHttpHeaders, origins: readonly string[] | undefined) {
  let answer: { status: number; headers: Record<string, string>; isEnded: boolean } | undefined;
  const response = {
    writeHead: (status: number, flat: string[]) => {
      const said = { status, headers: toMap(flat), isEnded: false };
      answer = said;
      return { end: () => (said.isEnded = true) };
    },
  } as unknown as ServerResponse;
  const own = ["X-Call-Id", "id-1"];
  const isAnswered = answerPreflight(requestOf(headers), response, { own, origins });
  expect(isAnswered).toBe(answer !== undefined);
  return answer;
}

describe("the answer to a preflight", () => {
  test("lets the page send what it asked for, and says for how long", () => {
    const headers = { ...ASKED, "access-control-request-headers": "x-a, content-type" };
    expect(ask(headers, [PAGE])).toEqual({
      status: 204,
      isEnded: true,
      headers: {
        "access-control-allow-origin": PAGE,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "x-a, content-type",
        "access-control-max-age": "600",
        vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        "x-call-id": "id-1",
      },
    });
  });

  test("names no headers where none were asked for", () => {
    expect(ask(ASKED, [PAGE])?.headers).not.toHaveProperty("access-control-allow-headers");
  });

  test.each<[string, string[] | undefined]>([
    ["no page may call", undefined],
    ["none may", []],
    ["another one may", ["https://other.example"]],
    ["one of the same host without TLS may", ["http://page.example"]],
    ["one at another port may", [`${PAGE}:444`]],
    ["one of a domain above may", ["https://example"]],
    ["one that only begins alike may", [`${PAGE}.evil.example`]],
  ])("is not given where %s", (_what, origins) => {
    expect(ask(ASKED, origins)).toBeUndefined();
  });

  test("of any page names no page, so that caches may keep it", () => {
    expect(ask(ASKED, ["*"])?.headers["access-control-allow-origin"]).toBe("*");
    expect(ask({ ...ASKED, origin: "null" }, [PAGE])).toBeUndefined();
  });
});

describe("the answer to a page's call", () => {
  const headersFor = (origin: string | undefined, origins: readonly string[] | undefined) =>
    toMap(toCrossOriginHeaders(requestOf(origin === undefined ? {} : { origin }, "POST"), origins));

  test("may be read with the headers that say what became of the call", () => {
    expect(headersFor(PAGE, ["https://a.example", PAGE])).toEqual({
      "access-control-allow-origin": PAGE,
      "access-control-expose-headers":
        "Location, X-Call-Id, X-Plonk-Code, Idempotency-Replayed, Retry-After",
      vary: "Origin",
    });
  });

  test("may not be read by another page, and no cache takes it for that one's", () => {
    expect(headersFor("https://other.example", [PAGE])).toEqual({ vary: "Origin" });
    expect(headersFor(undefined, [PAGE])).toEqual({ vary: "Origin" });
  });

  test("may be read by any page where the function says so, from any cache", () => {
    expect(headersFor(PAGE, ["*"])).toMatchObject({ "access-control-allow-origin": "*" });
    expect(headersFor(PAGE, ["*"])).not.toHaveProperty("vary");
    expect(headersFor(undefined, ["*"])).toEqual({});
  });

  test("says nothing where no page may call", () => {
    expect(headersFor(PAGE, undefined)).toEqual({});
  });

  test("never lets a page use the browser's own credentials, nor a page that is not listed read", () => {
    const origin = fc.constantFrom(PAGE, "https://a.example", "null", "http://page.example");
    const origins = fc.option(fc.array(fc.oneof(origin, fc.constant("*"))), { nil: undefined });
    fc.assert(
      fc.property(origin, origins, (asking, listed) => {
        const flat = headersFor(asking, listed);
        expect(flat).not.toHaveProperty("access-control-allow-credentials");
        const isListed = listed?.some((each) => each === "*" || each === asking) === true;
        expect("access-control-allow-origin" in flat).toBe(isListed);
        expect(ask({ ...ASKED, origin: asking }, listed) !== undefined).toBe(isListed);
      }),
    );
  });
});
