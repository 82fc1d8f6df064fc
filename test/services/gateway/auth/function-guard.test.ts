/** Who may call a private function by its credentials, and what the function sees of them. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { FunctionResource } from "../../../../contract/index.ts";
import type { Authenticator } from "../../../../services/gateway/auth/authenticator.ts";
import { isPrivate } from "../../../../services/gateway/auth/call-guard.ts";
import { FunctionGuard } from "../../../../services/gateway/auth/function-guard.ts";
import {
  type Identification,
  type Role,
  unauthorized,
} from "../../../../services/gateway/auth/identity.ts";
import { TrustedPeers } from "../../../../services/gateway/http/trusted-peers.ts";
import { functionOf } from "../../../support/call-parts.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";

const RESOURCE = functionOf("f");

/** Who is known by which header; all else is refused. */
const KNOWN: Record<string, Role[]> = {
  "Basic right": [{ role: "invoke", namespace: "fn", function: "f" }],
  "Bearer right": [{ role: "invoke", namespace: "fn" }],
  "Basic other": [{ role: "invoke", namespace: "fn", function: "g" }],
  "Basic reader": [{ role: "reader" }],
  "Basic nobody": [],
};

let log: KeptLog;
let asked: (readonly [header: string | undefined, peer: string])[];
let outcome: (header: string | undefined) => Identification | Promise<Identification>;
let guard: FunctionGuard;

beforeEach(() => {
  log = createKeptLog();
  asked = [];
  outcome = (header) => {
    const roles = KNOWN[header ?? ""];
    return roles === undefined ? unauthorized("Basic") : { identity: { name: "x", roles } };
  };
  const auth = {
    identify: (header: string | undefined, peer: string) => {
      asked.push([header, peer]);
      return outcome(header);
    },
  };
  guard = new FunctionGuard({
    auth: auth as unknown as Authenticator,
    peers: new TrustedPeers(["10.0.0.0/8"]),
    logger: log.logger,
  });
});

function requestOf(headers: Record<string, string>): IncomingMessage {
  return {
    url: "/function/f",
    headers: { ...headers } as IncomingHttpHeaders,
    rawHeaders: Object.entries(headers).flatMap(([name, value]) => [name.toUpperCase(), value]),
    socket: { remoteAddress: "198.51.100.7", remotePort: 1 },
  } as unknown as IncomingMessage;
}

/** The code of the refusal, or `admitted`; and the request as the function will see it. */
async function check(
  headers: Record<string, string>,
): Promise<{ verdict: string; request: IncomingMessage }> {
  const request = requestOf(headers);
  const failure = await guard.check(request, RESOURCE);
  return { verdict: failure?.code ?? "admitted", request };
}

describe("a caller", () => {
  test.each([
    ["Basic right", "admitted"],
    ["Bearer right", "admitted"],
    ["Basic other", "PLONK_FORBIDDEN"],
    ["Basic reader", "PLONK_FORBIDDEN"],
    ["Basic nobody", "PLONK_FORBIDDEN"],
    ["Basic wrong", "PLONK_UNAUTHORIZED"],
  ])("with %s is %s", async (authorization, verdict) => {
    expect((await check({ authorization })).verdict).toBe(verdict);
  });

  test("without credentials is told how to give them", async () => {
    expect(await guard.check(requestOf({}), RESOURCE)).toEqual({
      status: 401,
      code: "PLONK_UNAUTHORIZED",
      message: "invalid credentials",
      challenge: 'Basic realm="Restricted"',
    });
  });

  test("that lacks the right hears which", async () => {
    const failure = await guard.check(requestOf({ authorization: "Basic other" }), RESOURCE);
    expect(failure?.message).toBe("Forbidden: you need the right to invoke f in namespace fn.");
  });

  test("is known by its own address, and a trusted proxy's word on it", async () => {
    await check({ authorization: "Basic right", "x-forwarded-for": "203.0.113.9" });
    const behind = requestOf({ authorization: "Basic right", "x-forwarded-for": "203.0.113.9" });
    (behind.socket as { remoteAddress: string }).remoteAddress = "10.1.2.3";
    await guard.check(behind, RESOURCE);
    expect(asked).toEqual([
      ["Basic right", "198.51.100.7"],
      ["Basic right", "203.0.113.9"],
    ]);
  });

  test("that was known before is let in at once", () => {
    expect(guard.check(requestOf({ authorization: "Basic right" }), RESOURCE)).toBeUndefined();
  });

  test("cannot be checked where that fails, which is in the log and not in the answer", async () => {
    outcome = () => Promise.reject(new Error("scrypt: out of memory"));
    expect(await guard.check(requestOf({ authorization: "Basic right" }), RESOURCE)).toEqual({
      status: 500,
      code: "PLONK_CHECK_FAILED",
      message: "The caller could not be checked.",
    });
    expect(log.text()).toContain("scrypt: out of memory");
  });

  test("is refused by all where nobody can say who they are", () => {
    const closed = new FunctionGuard({
      ...{ auth: undefined, peers: new TrustedPeers(), logger: log.logger },
    });
    expect(closed.check(requestOf({ authorization: "Basic right" }), RESOURCE)).toMatchObject({
      status: 503,
      code: "PLONK_NO_AUTHENTICATION",
    });
  });
});

describe("another site's page", () => {
  const site = { "sec-fetch-site": "cross-site" };

  test.each([
    ["Basic right", "PLONK_CROSS_SITE"],
    ["bAsIc right", "PLONK_CROSS_SITE"],
    ["Bearer right", "admitted"],
  ])("with %s is %s", async (authorization, verdict) => {
    expect((await check({ ...site, authorization })).verdict).toBe(verdict);
  });

  test("does not even get a password looked at", async () => {
    await check({ ...site, authorization: "Basic right" });
    expect(asked).toEqual([]);
  });
});

describe("what the function sees", () => {
  test("is not the password, in either form of the headers", async () => {
    const sent = { accept: "*/*", authorization: "Basic right", "x-a": "1" };
    const { verdict, request } = await check(sent);
    expect(verdict).toBe("admitted");
    expect(request.headers).toEqual({ accept: "*/*", "x-a": "1" });
    expect(request.rawHeaders).toEqual(["ACCEPT", "*/*", "X-A", "1"]);
  });

  test("is none of several either", async () => {
    const request = requestOf({ authorization: "Basic right" });
    request.rawHeaders.push("Authorization", "Basic two", "X-B", "2", "authorization", "Basic 3");
    await guard.check(request, RESOURCE);
    expect(request.rawHeaders).toEqual(["X-B", "2"]);
  });

  test("stays as it was where the caller is refused", async () => {
    const { request } = await check({ authorization: "Basic other" });
    expect(request.headers).toEqual({ authorization: "Basic other" });
    expect(request.rawHeaders).toEqual(["AUTHORIZATION", "Basic other"]);
  });
});

describe("a function", () => {
  test.each<[Partial<FunctionResource["spec"]>, boolean]>([
    [{}, false],
    [{ annotations: { "plonk/private": "true" } }, true],
    [{ annotations: { "plonk/private": "false" } }, false],
    [{ annotations: { "plonk/private": "" } }, true],
    [{ annotations: { "plonk/private": "False" } }, true],
    [{ labels: { "plonk/private": "true" } }, true],
    [{ labels: { "plonk/private": "false" } }, false],
    [{ annotations: { "plonk/private": "false" }, labels: { "plonk/private": "true" } }, false],
    [{ annotations: { "plonk/privates": "true" } }, false],
  ])("with %j is private: %s", (spec, expected) => {
    expect(isPrivate(functionOf("f", spec))).toBe(expected);
  });
});
