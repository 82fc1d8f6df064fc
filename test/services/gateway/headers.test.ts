/** Headers on their way through the gateway. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  callIdOf,
  listedInConnection,
  toCanonicalName,
  toClientHeaders,
  toQueuedHeaders,
  toUpstreamHeaders,
} from "../../../services/gateway/headers.ts";

const CALL = { callId: "id-1", startTime: "5" };

const HOP_BY_HOP = [
  "Connection",
  "Proxy-Connection",
  "Keep-Alive",
  "Proxy-Authenticate",
  "Proxy-Authorization",
  "TE",
  "Trailer",
  "Transfer-Encoding",
  "Upgrade",
];

/** A request as Node's parser would give it. */
function request(pairs: [string, string][], remoteAddress = "198.18.0.9"): IncomingMessage {
  const headers: IncomingHttpHeaders = {};
  for (const [name, value] of pairs) {
    const known = headers[name.toLowerCase()];
    headers[name.toLowerCase()] = typeof known === "string" ? `${known}, ${value}` : value;
  }
  const socket = { remoteAddress, remotePort: 4711 };
  return { rawHeaders: pairs.flat(), headers, socket } as unknown as IncomingMessage;
}

function toPairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [
    flat[2 * index] ?? "",
    flat[2 * index + 1] ?? "",
  ]);
}

describe("toUpstreamHeaders", () => {
  test("keeps order, case and repetition, and adds what the gateway knows", () => {
    const flat = toUpstreamHeaders(
      request([
        ["Host", "gw:8080"],
        ["X-One", "1"],
        ["x-two", "a"],
        ["X-Two", "b"],
      ]),
      CALL,
    );
    expect(toPairs(flat)).toEqual([
      ["X-One", "1"],
      ["x-two", "a"],
      ["X-Two", "b"],
      ["X-Call-Id", "id-1"],
      ["X-Start-Time", "5"],
      ["X-Forwarded-Host", "gw:8080"],
      ["X-Forwarded-For", "198.18.0.9:4711"],
      ["X-Forwarded-Proto", "http"],
    ]);
  });

  test("leaves X-Forwarded-* as they are when they were sent", () => {
    const names = ["X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Proto"];
    const sent = names.map((name): [string, string] => [name, "theirs"]);
    const pairs = toPairs(toUpstreamHeaders(request([["Host", "gw"], ...sent]), CALL));
    expect(pairs.filter(([name]) => names.includes(name))).toEqual(sent);
  });

  test("shows an IPv4 peer of a dual-stack socket as IPv4, and brackets IPv6", () => {
    const of = (address: string): string | undefined =>
      toPairs(toUpstreamHeaders(request([], address), CALL)).find(
        ([name]) => name === "X-Forwarded-For",
      )?.[1];
    expect([of("::ffff:198.18.0.9"), of("fd00::1")]).toEqual(["198.18.0.9:4711", "[fd00::1]:4711"]);
  });

  test("drops what Connection lists, but never because of its own words", () => {
    const pairs = toPairs(
      toUpstreamHeaders(
        request([
          ["Connection", "close, X-Secret-Hop , keep-alive"],
          ["X-Secret-Hop", "1"],
          ["X-Stay", "2"],
        ]),
        CALL,
      ),
    );
    expect(pairs.map(([name]) => name)).not.toContain("X-Secret-Hop");
    expect(pairs).toContainEqual(["X-Stay", "2"]);
  });

  const name = fc.constantFrom(...HOP_BY_HOP, "X-A", "x-b", "Accept", "Cookie", "Authorization");
  const header = fc.tuple(name, fc.stringMatching(/^[!-~]{1,12}$/));

  test("never lets a hop-by-hop header pass, whatever else is sent", () => {
    fc.assert(
      fc.property(fc.array(header), (pairs) => {
        const message = request(pairs);
        const listed = listedInConnection(message.headers.connection) ?? new Set();
        const names = toPairs(toUpstreamHeaders(message, CALL)).map(([sent]) => sent.toLowerCase());
        for (const hop of HOP_BY_HOP) {
          expect(names).not.toContain(hop.toLowerCase());
        }
        const passed = pairs.filter(
          ([sent]) => !HOP_BY_HOP.includes(sent) && !listed.has(sent.toLowerCase()),
        );
        expect(names.slice(0, passed.length)).toEqual(passed.map(([sent]) => sent.toLowerCase()));
      }),
    );
  });
});

describe("toClientHeaders", () => {
  test("drops the function's hop and puts the gateway's own headers in place of its own", () => {
    const flat = toClientHeaders(
      {
        "content-type": "text/plain",
        connection: "keep-alive, x-internal",
        "keep-alive": "timeout=5",
        "transfer-encoding": "chunked",
        "x-internal": "1",
        "x-call-id": "forged",
        "set-cookie": ["a=1", "b=2"],
      },
      ["X-Call-Id", "id-1"],
    );
    expect(toPairs(flat)).toEqual([
      ["content-type", "text/plain"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["X-Call-Id", "id-1"],
    ]);
  });
});

describe("callIdOf", () => {
  test("takes a usable id and nothing else", () => {
    expect(callIdOf({ "x-call-id": "abc" })).toBe("abc");
    expect(callIdOf({ "x-call-id": "" })).toBeUndefined();
    expect(callIdOf({ "x-call-id": "x".repeat(257) })).toBeUndefined();
    expect(callIdOf({})).toBeUndefined();
  });
});

describe("toQueuedHeaders", () => {
  test("groups values under canonical names", () => {
    const queued = toQueuedHeaders(
      request([
        ["x-two", "a"],
        ["X-TWO", "b"],
        ["content-type", "text/plain"],
      ]),
      CALL,
    );
    expect(queued).toMatchObject({
      "X-Two": ["a", "b"],
      "Content-Type": ["text/plain"],
      "X-Call-Id": ["id-1"],
    });
  });

  test.each([
    ["x-call-id", "X-Call-Id"],
    ["CONTENT-TYPE", "Content-Type"],
    ["te", "Te"],
    ["x_y-z1", "X_y-Z1"],
  ])("canonicalizes %s to %s", (name, canonical) => {
    expect(toCanonicalName(name)).toBe(canonical);
  });
});
