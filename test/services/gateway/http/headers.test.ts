/** Headers on their way through the gateway. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  callIdOf,
  removeHeader,
  toClientHeaders,
  toQueuedHeaders,
  toUpstreamHeaders,
} from "../../../../services/gateway/http/headers.ts";
import type { Peer } from "../../../../services/gateway/http/trusted-peers.ts";
import { listedInConnection } from "../../../../services/lib/hop-by-hop.ts";

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

const PEER: Peer = { address: "198.18.0.9", forwardedFor: "198.18.0.9:4711", isTrusted: false };
const PROXY: Peer = { ...PEER, isTrusted: true };

/** A request as Node's parser would give it. */
function request(pairs: [string, string][]): IncomingMessage {
  const headers: IncomingHttpHeaders = {};
  for (const [name, value] of pairs) {
    const known = headers[name.toLowerCase()];
    headers[name.toLowerCase()] = typeof known === "string" ? `${known}, ${value}` : value;
  }
  return { rawHeaders: pairs.flat(), headers } as unknown as IncomingMessage;
}

function toPairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [
    flat[2 * index] ?? "",
    flat[2 * index + 1] ?? "",
  ]);
}

describe("removeHeader", () => {
  test("takes every line of it, in both forms, and nothing else", () => {
    const got = request([
      ["Authorization", "a"],
      ["X-A", "authorization"],
      ["AUTHORIZATION", "b"],
      ["x-authorization", "c"],
    ]);
    removeHeader(got, "authorization");
    expect(got.rawHeaders).toEqual(["X-A", "authorization", "x-authorization", "c"]);
    expect(got.headers).toEqual({ "x-a": "authorization", "x-authorization": "c" });
  });
});

describe("toUpstreamHeaders", () => {
  test("keeps what queue and gateway say to each other from functions and from the queue", () => {
    const sent = request([
      ["X-Plonk-Admitted", "mark"],
      ["x-plonk-queued", "token"],
      ["X_Plonk_Admitted", "mark"],
      ["X-Plonk-Other", "1"],
    ]);
    const names = toPairs(toUpstreamHeaders(sent, CALL, PEER)).map(([name]) => name);
    expect(names.filter((name) => /plonk/i.test(name))).toEqual(["X-Plonk-Other"]);
    expect(Object.keys(toQueuedHeaders(sent, CALL, PEER))).not.toContain("X-Plonk-Admitted");
  });

  test("keeps order, case and repetition, and adds what the gateway knows", () => {
    const flat = toUpstreamHeaders(
      request([
        ["Host", "gw:8080"],
        ["X-One", "1"],
        ["x-two", "a"],
        ["X-Two", "b"],
      ]),
      CALL,
      PEER,
    );
    expect(toPairs(flat)).toEqual([
      ["X-One", "1"],
      ["x-two", "a"],
      ["X-Two", "b"],
      ["X-Call-Id", "id-1"],
      ["X-Start-Time", "5"],
      ["X-Forwarded-For", "198.18.0.9:4711"],
      ["X-Forwarded-Host", "gw:8080"],
      ["X-Forwarded-Proto", "http"],
    ]);
  });

  const SENT: [string, string][] = [
    ["Host", "gw"],
    ["X-Forwarded-For", "192.0.2.1"],
    ["x-forwarded-host", "shop.example"],
    ["X-Forwarded-Proto", "https"],
    ["X-Forwarded-Port", "443"],
    ["X_Forwarded_For", "192.0.2.2"],
    ["X-Real-IP", "192.0.2.1"],
    ["Forwarded", "for=192.0.2.1"],
  ];

  test("overwrites what an untrusted peer says about its caller", () => {
    expect(toPairs(toUpstreamHeaders(request(SENT), CALL, PEER)).slice(2)).toEqual([
      ["X-Forwarded-For", "198.18.0.9:4711"],
      ["X-Forwarded-Host", "gw"],
      ["X-Forwarded-Proto", "http"],
    ]);
  });

  test("keeps what a trusted proxy says, and adds that one's own address", () => {
    const pairs = toPairs(toUpstreamHeaders(request(SENT), CALL, PROXY));
    expect(pairs).toEqual([
      ["x-forwarded-host", "shop.example"],
      ["X-Forwarded-Proto", "https"],
      ["X-Forwarded-Port", "443"],
      ["X-Real-IP", "192.0.2.1"],
      ["Forwarded", "for=192.0.2.1"],
      ["X-Call-Id", "id-1"],
      ["X-Start-Time", "5"],
      ["X-Forwarded-For", "192.0.2.1, 198.18.0.9:4711"],
    ]);
    expect(toPairs(toUpstreamHeaders(request([["Host", "gw"]]), CALL, PROXY)).slice(2)).toEqual([
      ["X-Forwarded-For", "198.18.0.9:4711"],
      ["X-Forwarded-Host", "gw"],
      ["X-Forwarded-Proto", "http"],
    ]);
  });

  test("takes underscores for hyphens where headers of the gateway's own are concerned", () => {
    const sent: [string, string][] = [
      ["X_Call_Id", "forged"],
      ["Transfer_Encoding", "chunked"],
      ["X_Mine", "1"],
    ];
    expect(toPairs(toUpstreamHeaders(request(sent), CALL, PEER))[0]).toEqual(["X_Mine", "1"]);
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
        PEER,
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
        const names = toPairs(toUpstreamHeaders(message, CALL, PEER)).map(([sent]) =>
          sent.toLowerCase(),
        );
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
      200,
    );
    expect(toPairs(flat)).toEqual([
      ["content-type", "text/plain"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
      ["X-Call-Id", "id-1"],
    ]);
  });

  test("gives 204 no length", () => {
    const headers = { "content-length": "0", "x-a": "1" };
    expect(toClientHeaders(headers, [], 204)).toEqual(["x-a", "1"]);
    expect(toClientHeaders(headers, [], 304)).toEqual(["content-length", "0", "x-a", "1"]);
  });
});

describe("callIdOf", () => {
  test("takes a usable id and nothing else", () => {
    expect(callIdOf({ "x-call-id": "abc" })).toBe("abc");
    expect(callIdOf({ "x-call-id": "" })).toBeUndefined();
    expect(callIdOf({ "x-call-id": "x".repeat(256) })).toHaveLength(256);
    expect(callIdOf({ "x-call-id": "x".repeat(257) })).toBeUndefined();
    expect(callIdOf({ "x-call-id": "a b" })).toBeUndefined();
    expect(callIdOf({ "x-call-id": "\u00e4" })).toBeUndefined();
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
      PEER,
    );
    expect(queued).toMatchObject({
      "X-Two": ["a", "b"],
      "Content-Type": ["text/plain"],
      "X-Call-Id": ["id-1"],
    });
  });
});
