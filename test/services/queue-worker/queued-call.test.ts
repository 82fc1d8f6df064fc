/** From a delivered message to a call: what the function gets, and what is no call. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { MalformedMessageError } from "../../../contract/queue/index.ts";
import { toFunctionCall } from "../../../services/queue-worker/queued-call.ts";
import { createDelivery, deliverCall } from "../../support/delivery.ts";

const AGENT = expect.stringMatching(/^plonk-queue-worker\//) as unknown;

describe("a queued call", () => {
  test("is its function's, with what its caller sent", () => {
    const reference = { name: "cat", namespace: "dev" };
    const headers = { Accept: ["*/*"], "X-Call-Id": ["2749"], "X-Custom": ["v", "w"] };
    const queued = { reference, method: "PUT", path: "/sub/path", query: "q=1", headers };
    const call = toFunctionCall(deliverCall(queued, { sequence: 12 }));
    expect(call).toMatchObject({
      id: "12-AAAAAAAAAAAAAAAA",
      reference,
      functionName: "cat.dev",
      target: "/function/cat.dev/sub/path?q=1",
      callId: "2749",
      headers: { ...headers, "User-Agent": [AGENT] },
    });
    expect(call.queued.method).toBe("PUT");
  });

  test("has its id where its caller has given it none", () => {
    const call = toFunctionCall(deliverCall({}, { sequence: 12 }));
    expect(call.callId).toBe("12-AAAAAAAAAAAAAAAA");
    expect(call.headers).toEqual({
      "X-Call-Id": ["12-AAAAAAAAAAAAAAAA"],
      "User-Agent": [AGENT],
    });
    expect(call.target).toBe("/function/f.openfaas-fn");
  });

  test("of a private function shows what its mark is about, and what others say of that is lost", () => {
    const headers = { "x-plonk-admitted": ["mark"], "X-Plonk-Queued": ["forged"] };
    expect(toFunctionCall(deliverCall({ headers })).headers).toMatchObject({
      "x-plonk-admitted": ["mark"],
      "X-Plonk-Queued": ["AAAAAAAAAAAAAAAA"],
    });
    const callback = new URL("http://a.example/");
    expect(toFunctionCall(deliverCall({ headers, callback })).headers).toMatchObject({
      "X-Plonk-Queued": [expect.stringMatching(/^A{16}\.[\w-]{43}$/)],
    });
  });

  test("without a mark shows none of it", () => {
    const headers = { "x-plonk-queued": ["forged"] };
    expect(Object.keys(toFunctionCall(deliverCall({ headers })).headers)).toEqual([
      "X-Call-Id",
      "User-Agent",
    ]);
  });

  test("has one call id, the first, however its caller has written the name", () => {
    const headers = { "x-call-ID": ["c1", "c2"], "X-CALL-ID": ["c3"] };
    expect(toFunctionCall(deliverCall({ headers })).headers["X-Call-Id"]).toEqual(["c1"]);
  });

  test("has nothing of its caller's connection, however that was written", () => {
    const headers = {
      Host: ["evil.example"],
      Expect: ["100-continue"],
      "Content-Length": ["99"],
      "Transfer-Encoding": ["chunked"],
      "Keep-Alive": ["timeout=1"],
      Upgrade: ["h2c"],
      TE: ["trailers"],
      "User-Agent": ["curl/8"],
      "X-Start-Time": ["1"],
      "X-Keep-Result-Seconds": ["60"],
      connection: ["close, X-First"],
      Connection: ["keep-alive", " x-second ,x-third"],
      "X-First": ["1"],
      "X-Second": ["2"],
      "x-Third": ["3"],
      "X-Kept": ["4"],
    };
    expect(toFunctionCall(deliverCall({ headers })).headers).toEqual({
      "X-Kept": ["4"],
      "X-Call-Id": ["7-AAAAAAAAAAAAAAAA"],
      "User-Agent": [AGENT],
    });
  });

  test("goes to a target of its own, whatever its path is", () => {
    const path = '/../../system/functions//%5C\\"{#';
    expect(toFunctionCall(deliverCall({ path, query: "a?b#c" })).target).toBe(
      `/function/f.openfaas-fn${path}?a?b#c`,
    );
  });

  test("is malformed where its message is no call", () => {
    expect(() => toFunctionCall(createDelivery())).toThrow(MalformedMessageError);
  });
});

test("headers are kept as they are, in any case and number, but for those of one hop", () => {
  const own = fc.constantFrom("Accept", "cookie", "X-A", "x-a", "Via", "__proto__");
  const hop = fc.constantFrom("Host", "te", "KEEP-ALIVE", "Content-length", "Upgrade", "Expect");
  const lists = fc.array(fc.stringMatching(/^[!-~]{0,5}$/), { minLength: 1, maxLength: 3 });
  const options = fc.subarray(["accept", "VIA", "x-other"]);
  fc.assert(
    fc.property(fc.dictionary(own, lists), fc.dictionary(hop, lists), options, (kept, hops, by) => {
      const headers = { ...hops, ...kept, Connection: ["close", by.join(" , ")] };
      const call = toFunctionCall(deliverCall({ headers }));
      const listed = by.map((name) => name.toLowerCase());
      const expected = Object.entries(kept).filter(
        ([name]) => !listed.includes(name.toLowerCase()),
      );
      const others = Object.entries(call.headers).filter(
        ([name]) => name !== "User-Agent" && name !== "X-Call-Id",
      );
      expect(others.sort()).toEqual(expected.sort());
    }),
  );
});
