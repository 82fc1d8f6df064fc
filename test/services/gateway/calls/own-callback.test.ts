/** Callbacks to the platform's own functions: which one it is, who may, and what proves it. */
import type { IncomingMessage } from "node:http";
import { afterAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { toProofHeaders } from "../../../../contract/queue/index.ts";
import type { CallGuard } from "../../../../services/gateway/auth/call-guard.ts";
import { ANY_BODY } from "../../../../services/gateway/auth/queue-mark.ts";
import { QueueMarks } from "../../../../services/gateway/auth/queue-marks.ts";
import type {
  FunctionState,
  FunctionStates,
} from "../../../../services/gateway/calls/function-states.ts";
import {
  checkOwnCallback,
  findOwnCallback,
  keepHeaders,
  type OwnCallback,
  proveCallback,
} from "../../../../services/gateway/calls/own-callback.ts";
import { failures } from "../../../../services/gateway/errors.ts";
import { CallWorld } from "../../../support/call-world.ts";
import { createKeptLog } from "../../../support/logs.ts";
import { MarkKeyFolder } from "../../../support/mark-keys.ts";
import { runs } from "../../../support/property-runs.ts";

const folder = new MarkKeyFolder();
const { logger } = createKeptLog();
const marks = new QueueMarks(folder.path, logger);
const { state: open } = new CallWorld();
const secret: FunctionState = { ...open, isPrivate: true };

afterAll(() => folder.remove());

const NONCE = "AAAAAAAAAAAAAAAA";
const admitAll: CallGuard = { check: () => undefined };

describe("the function of a callback", () => {
  const states = {
    find: (segment: string) => (segment === "f" || segment === "f.fn" ? open : undefined),
  } as unknown as FunctionStates;
  const find = (url: string | undefined): ReturnType<typeof findOwnCallback> =>
    findOwnCallback(
      { states, queueRules: { ownHosts: ["gateway.openfaas"] } },
      url === undefined ? undefined : new URL(url),
    );
  const own = (path: string): ReturnType<typeof find> =>
    find(`http://gateway.openfaas:8080${path}`);

  test.each([
    ["/function/f", ""],
    ["/function/f.fn/a/b?c=d", "/a/b?c=d"],
    ["/async-function/f/", "/"],
    ["/function/f/a/../b", "/b"],
    ["/function/g/../f//x", "/x"],
  ])("is found by %s, and %j is left for it", (path, rest) => {
    expect(own(path)).toEqual({ state: open, rest });
  });

  test.each(["/function/g", "/async-function/f.other", "/function/a%2Fb"])(
    "that is none, %s, is refused",
    (path) => {
      expect(own(path)).toMatchObject({ status: 400, code: "PLONK_BAD_CALLBACK_URL" });
    },
  );

  test.each([undefined, "http://example.org/function/f", "http://gateway.openfaas:8080/system/f"])(
    "is not looked for where the callback goes elsewhere: %s",
    (url) => {
      expect(find(url)).toBeUndefined();
    },
  );
});

describe("the caller's right", () => {
  const requestOf = (): IncomingMessage =>
    ({
      headers: { authorization: "Basic x", "x-a": "1" },
      rawHeaders: ["Authorization", "Basic x", "X-A", "1"],
    }) as unknown as IncomingMessage;

  async function check(
    target: OwnCallback,
    guard: CallGuard | undefined,
    by = marks,
  ): Promise<{ failure: unknown; request: IncomingMessage }> {
    const request = requestOf();
    const asked = keepHeaders(request);
    return {
      failure: await checkOwnCallback({ guard, marks: by }, { request, asked }, target),
      request,
    };
  }

  const refuseAll: CallGuard = { check: () => failures.noAuthentication() };
  const target = { state: secret, rest: "/x" };

  test("is asked for a private function alone", async () => {
    const { failure, request } = await check({ state: open, rest: "" }, refuseAll);
    expect(failure).toBeUndefined();
    expect(request.headers).toHaveProperty("authorization");
    expect((await check(target, undefined)).failure).toBeUndefined();
    expect((await check(target, refuseAll)).failure).toEqual(failures.noAuthentication());
  });

  test("that is there takes the credentials away from the function that is called first", async () => {
    const { failure, request } = await check(target, admitAll);
    expect(failure).toBeUndefined();
    expect([request.headers, request.rawHeaders]).toEqual([{ "x-a": "1" }, ["X-A", "1"]]);
  });

  test("is nothing that a gateway without a key could keep", async () => {
    const none = new QueueMarks(undefined, logger);
    expect((await check(target, admitAll, none)).failure).toEqual(failures.noQueueKey());
  });

  test("is found in headers that a check before has emptied", () => {
    const request = requestOf();
    const asked = keepHeaders(request);
    delete request.headers.authorization;
    request.rawHeaders.splice(0, 2);
    expect(asked.headers.authorization).toBe("Basic x");
    expect(asked.rawHeaders).toHaveLength(4);
  });
});

describe("the proof of a callback", () => {
  const prove = (
    callback: OwnCallback,
    guard: CallGuard | undefined = admitAll,
  ): string | undefined => proveCallback({ guard, marks }, callback, NONCE);

  test("is there where one is asked for", () => {
    expect(prove({ state: open, rest: "" })).toBeUndefined();
    expect(proveCallback({ guard: undefined, marks }, { state: secret, rest: "" }, NONCE)).toBe(
      undefined,
    );
    expect(prove({ state: secret, rest: "" })).toMatch(
      new RegExp(`^${NONCE}\\.\\d{13}\\..*\\.any\\.`),
    );
  });

  test("is good for a POST to its function, path and query, and for nothing else", () => {
    const rests = fc.constantFrom("", "/", "/x", "/x?a=b", "?a=b");
    const given = fc.record({
      rest: rests,
      other: rests,
      method: fc.constantFrom("POST", "PUT", "GET"),
      functionKey: fc.constantFrom("fn/f", "fn/g"),
      nonce: fc.constantFrom(NONCE, "BAAAAAAAAAAAAAAA"),
    });
    fc.assert(
      fc.property(given, ({ rest, other, method, functionKey, nonce }) => {
        const proof = prove({ state: secret, rest }) ?? "";
        const { "x-plonk-admitted": [mark = ""] = [], "x-plonk-queued": [token = ""] = [] } =
          toProofHeaders(proof.replace(NONCE, nonce));
        const reading = marks.read({ functionKey, method, target: other, token }, mark);
        const isSame =
          rest === other && method === "POST" && functionKey === secret.key && nonce === NONCE;
        expect(reading).toEqual(
          isSame ? { kind: "ours", bodyDigest: ANY_BODY } : { kind: "not ours" },
        );
      }),
      { numRuns: runs(300) },
    );
  });

  test("is not the mark of a queued call, nor the other way round", () => {
    const call = { functionKey: secret.key, method: "POST", target: "/x", token: NONCE };
    const mark = marks.make(call, "A".repeat(43)) ?? "";
    const asCallback = { ...call, token: `callback.${NONCE}` };
    expect(marks.read(asCallback, mark)).toEqual({ kind: "not ours" });
    const proof = toProofHeaders(prove({ state: secret, rest: "/x" }) ?? "");
    expect(marks.read(call, proof["x-plonk-admitted"]?.[0] ?? "")).toEqual({ kind: "not ours" });
  });
});
