/** How an issuer's keys are found, how often it is asked, and what is not believed. */
import { createServer, type Server } from "node:http";
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { exportJWK, type FlattenedJWSInput, generateKeyPair, type JWK } from "jose";
import {
  IssuerKeys,
  IssuerUnavailableError,
} from "../../../../services/gateway/auth/issuer-keys.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";
import { stopServer } from "../../../support/network.ts";

const DESCRIPTION = "/.well-known/openid-configuration";

/** Answers by path: a status, or what is sent as JSON. */
let answers: Record<string, unknown>;
/** Paths that were asked for. */
let asked: string[];
let server: Server;
let issuer: string;
let now: number;
/** By how much somebody has set the time of day back. */
let setBackMs: number;
let log: KeptLog;
let publicKey: JWK;

beforeAll(async () => {
  const pair = await generateKeyPair("ES256", { extractable: true });
  publicKey = { ...(await exportJWK(pair.publicKey)), kid: "one", alg: "ES256", use: "sig" };
});

beforeEach(async () => {
  now = 1_700_000_000_000;
  setBackMs = 0;
  jest.spyOn(performance, "now").mockImplementation(() => now);
  jest.spyOn(Date, "now").mockImplementation(() => now - setBackMs);
  log = createKeptLog();
  asked = [];
  server = createServer(({ url = "" }, response) => {
    asked.push(url);
    const answer = answers[url];
    if (typeof answer === "number" || answer === undefined) {
      response.writeHead(answer ?? 404, { location: `${issuer}${DESCRIPTION}` }).end("{}");
    } else {
      response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
    }
  });
  // A connection that is closed while it is used again would be no answer.
  server.keepAliveTimeout = 65_000;
  issuer = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
  answers = {
    [DESCRIPTION]: { issuer, jwks_uri: `${issuer}/keys` },
    "/keys": { keys: [publicKey] },
  };
});

afterEach(async () => {
  jest.restoreAllMocks();
  await stopServer(server);
});

const create = (parts: { issuer?: string; cooldownMs?: number } = {}): IssuerKeys =>
  new IssuerKeys({ issuer, logger: log.logger, cooldownMs: 0, ...parts });

/** What is found for the key of a token: its type, or the name of the error. */
async function find(keys: IssuerKeys, kid = "one"): Promise<string> {
  try {
    const key = await keys.find({ alg: "ES256", kid }, {} as FlattenedJWSInput);
    return (key as unknown as { type: string }).type;
  } catch (error) {
    return (error as Error).name;
  }
}

const AWAY = "IssuerUnavailableError";

describe("the keys of an issuer", () => {
  test("are found by its description, once for all tokens that wait", async () => {
    const keys = create();
    expect(await Promise.all([find(keys), find(keys), find(keys)])).toEqual([
      ...["public", "public", "public"],
    ]);
    expect(await find(keys)).toBe("public");
    expect(asked).toEqual([DESCRIPTION, "/keys"]);
  });

  test("are not there for a token of another key", async () => {
    expect(await find(create(), "two")).toBe("JWKSNoMatchingKey");
  });

  test("are asked for anew for a key that is not known, but not within the cool-down", async () => {
    const keys = create({ cooldownMs: 30_000 });
    await find(keys);
    answers["/keys"] = { keys: [publicKey, { ...publicKey, kid: "two" }] };
    now += 29_000;
    expect(await find(keys, "two")).toBe("JWKSNoMatchingKey");
    now += 2000;
    expect(await find(keys, "two")).toBe("public");
    expect(asked).toEqual([DESCRIPTION, "/keys", "/keys"]);
  });

  test("are read again after ten minutes, so that one that was withdrawn is dead", async () => {
    const keys = create({ cooldownMs: 30_000 });
    await find(keys);
    answers["/keys"] = { keys: [{ ...publicKey, kid: "two" }] };
    now += 9 * 60_000;
    expect(await find(keys)).toBe("public");
    now += 61_000;
    expect(await find(keys)).toBe("JWKSNoMatchingKey");
  });

  test.each([-1, 1])(
    "have the age that they have, though somebody sets a clock by %d h",
    async (h) => {
      const keys = create({ cooldownMs: 30_000 });
      await find(keys);
      setBackMs = -h * 3_600_000;
      const next = { ...publicKey, kid: "two" };
      answers["/keys"] = { keys: [publicKey, next] };
      now += 29_999;
      expect([await find(keys), await find(keys, "two")]).toEqual(["public", "JWKSNoMatchingKey"]);
      now += 1;
      expect(await find(keys, "two")).toBe("public");
      answers["/keys"] = { keys: [next] };
      now += 599_999;
      expect(await find(keys)).toBe("public");
      now += 1;
      expect(await find(keys)).toBe("JWKSNoMatchingKey");
      expect(asked).toEqual([DESCRIPTION, "/keys", "/keys", "/keys"]);
    },
  );

  test("are asked for once however many tokens of a new key come", async () => {
    const keys = create({ cooldownMs: 30_000 });
    await find(keys);
    answers["/keys"] = { keys: [{ ...publicKey, kid: "two" }] };
    now += 30_000;
    const found = await Promise.all([find(keys, "two"), find(keys, "two")]);
    expect(found).toEqual(["public", "public"]);
    expect(asked).toEqual([DESCRIPTION, "/keys", "/keys"]);
  });

  test("are asked for again after a failure although the time of day was set back", async () => {
    answers[DESCRIPTION] = 500;
    const keys = create();
    expect(await find(keys)).toBe("IssuerUnavailableError");
    answers[DESCRIPTION] = { issuer, jwks_uri: `${issuer}/keys` };
    setBackMs = 3_600_000;
    now += 60_000;
    expect(await find(keys)).toBe("public");
  });

  test("are elsewhere once the description says so, which is read every hour", async () => {
    const keys = create();
    await find(keys);
    answers[DESCRIPTION] = { issuer, jwks_uri: `${issuer}/moved` };
    answers["/moved"] = { keys: [{ ...publicKey, kid: "moved" }] };
    now += 60 * 60_000 - 1;
    expect(await find(keys, "moved")).toBe("JWKSNoMatchingKey");
    now += 1;
    expect(await find(keys, "moved")).toBe("public");
  });

  test("of a slash at the end of its name are found, too", async () => {
    answers[DESCRIPTION] = { issuer: `${issuer}/`, jwks_uri: `${issuer}/keys` };
    expect(await find(create({ issuer: `${issuer}/` }))).toBe("public");
    expect(asked[0]).toBe(DESCRIPTION);
  });
});

describe("an issuer is not usable", () => {
  test.each<[string, () => unknown, string]>([
    ["with another status", () => 500, "expected status 200, got 500"],
    ["that sends elsewhere", () => 302, "expected status 200, got 302"],
    ["that is no JSON", () => "<html>", "Unexpected token"],
    ["that is null", () => "null", "Cannot destructure"],
    [
      "that names another",
      () => ({ issuer: "http://x", jwks_uri: `${issuer}/keys` }),
      "got another",
    ],
    ["without keys", () => ({ issuer }), "jwks_uri: expected an https URL"],
    ["with a number for keys", () => ({ issuer, jwks_uri: 5 }), "jwks_uri: expected an https URL"],
    ["with no URL", () => ({ issuer, jwks_uri: "/keys" }), "jwks_uri: expected an https URL"],
  ])("with a description %s", async (_what, answer, reason) => {
    answers[DESCRIPTION] = answer();
    expect(await find(create())).toBe(AWAY);
    expect(log.text()).toContain(reason);
    expect(asked).toEqual([DESCRIPTION]);
  });

  test.each<[string, unknown]>([
    ["another status", 503],
    ["a list", []],
    ["null", "null"],
    ["no JSON", "-----BEGIN PUBLIC KEY-----"],
  ])("with %s for keys", async (_what, answer) => {
    answers["/keys"] = answer;
    expect(await find(create())).toBe(AWAY);
    expect(log.text()).toContain("OpenID Connect issuer not usable");
  });

  test("is asked again after five seconds, and not before", async () => {
    answers[DESCRIPTION] = 503;
    const keys = create();
    expect(await Promise.all([find(keys), find(keys)])).toEqual([AWAY, AWAY]);
    now += 4999;
    expect([await find(keys), asked.length]).toEqual([AWAY, 1]);
    answers[DESCRIPTION] = { issuer, jwks_uri: `${issuer}/keys` };
    now += 1;
    expect([await find(keys), asked.length]).toEqual(["public", 3]);
  });

  test("goes on with the keys it had when only its description fails", async () => {
    const keys = create();
    await find(keys);
    answers[DESCRIPTION] = 503;
    now += 61 * 60_000;
    // What it is asked for next is refused at once for five seconds, as is all of it.
    await find(keys);
    now += 5000;
    answers[DESCRIPTION] = { issuer, jwks_uri: `${issuer}/keys` };
    expect(await find(keys)).toBe("public");
  });
});

test("an error names where the issuer was asked, and has the reason as its cause", async () => {
  answers[DESCRIPTION] = 500;
  const failed = create().find({ alg: "ES256", kid: "one" }, {} as FlattenedJWSInput);
  await expect(failed).rejects.toBeInstanceOf(IssuerUnavailableError);
  await expect(failed).rejects.toMatchObject({
    message: `issuer at ${issuer}${DESCRIPTION}`,
    cause: new Error("expected status 200, got 500"),
  });
});
