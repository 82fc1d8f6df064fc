/** Tokens: which are taken, for whom, and for how long they are known. */
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import { BearerAuth } from "../../../../services/gateway/auth/bearer-auth.ts";
import type { Identification } from "../../../../services/gateway/auth/identity.ts";
import { fakeOnly } from "../../../support/clock.ts";
import { createKeptLog } from "../../../support/logs.ts";

const ISSUER = "https://issuer.example";
const AUDIENCE = "plonk";
const NOW = 1_700_000_000;

type Algorithm = "ES256" | "RS256" | "EdDSA";

type SigningKey = Awaited<ReturnType<typeof generateKeyPair>>["privateKey"];

let keys: Record<Algorithm, SigningKey>;
let published: JWK[];
let isAway: boolean;
let auth: BearerAuth;

beforeAll(async () => {
  const pairs = await Promise.all(
    (["ES256", "RS256", "EdDSA"] as const).map(
      async (alg) => [alg, await generateKeyPair(alg, { extractable: true })] as const,
    ),
  );
  keys = Object.fromEntries(pairs.map(([alg, { privateKey }]) => [alg, privateKey])) as typeof keys;
  published = await Promise.all(
    pairs.map(async ([alg, { publicKey }]) => ({ ...(await exportJWK(publicKey)), kid: alg })),
  );
});

beforeEach(() => {
  isAway = false;
  fakeOnly("Date");
  jest.setSystemTime(NOW * 1000);
  jest.spyOn(performance, "now").mockImplementation(() => Date.now() - NOW * 1000 + 1);
  jest.spyOn(globalThis, "fetch").mockImplementation((url) => {
    const isKeys = url === `${ISSUER}/keys`;
    const body = isKeys ? { keys: published } : { issuer: ISSUER, jwks_uri: `${ISSUER}/keys` };
    return Promise.resolve(isAway ? new Response("", { status: 503 }) : Response.json(body));
  });
  auth = new BearerAuth(
    { issuer: ISSUER, audience: AUDIENCE, rolesClaim: "groups", rolePrefix: "p:" },
    { logger: createKeptLog().logger, cooldownMs: 0 },
  );
});

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

interface TokenParts {
  alg?: Algorithm;
  kid?: string;
  claims?: JWTPayload;
  without?: string[];
}

async function sign(parts: TokenParts = {}): Promise<string> {
  const { alg = "ES256", kid = alg, claims = {}, without = [] } = parts;
  const all = {
    ...{ iss: ISSUER, aud: AUDIENCE, sub: "ann", exp: NOW + 600, groups: ["p:admin"] },
    ...claims,
  };
  const kept = Object.fromEntries(Object.entries(all).filter(([name]) => !without.includes(name)));
  return new SignJWT(kept).setProtectedHeader({ alg, kid }).sign(keys[alg]);
}

async function identify(token: string): Promise<Identification> {
  return auth.identify(`Bearer ${token}`);
}

/** The identity, or the code of the refusal. */
async function see(parts: TokenParts = {}): Promise<unknown> {
  const outcome = await identify(await sign(parts));
  return "identity" in outcome ? outcome.identity : outcome.refusal.code;
}

/** Moves the clocks on; the cache of known tokens looks at its own once a millisecond. */
async function pass(seconds: number): Promise<void> {
  jest.setSystemTime(Date.now() + seconds * 1000);
  await new Promise((resolve) => setTimeout(resolve, 5));
}

const ANN = { name: "oidc:ann", roles: [{ role: "admin" }] };
const REFUSED = {
  refusal: {
    status: 401,
    code: "PLONK_UNAUTHORIZED",
    message: "invalid credentials",
    challenge: 'Bearer realm="Restricted", error="invalid_token"',
  },
};

describe("a token", () => {
  test.each<[Algorithm]>([["ES256"], ["RS256"], ["EdDSA"]])("of %s is taken", async (alg) => {
    expect(await see({ alg })).toEqual(ANN);
  });

  test.each<[string, JWTPayload]>([
    ["of several audiences", { aud: ["other", AUDIENCE] }],
    ["of which the time is over within the tolerance", { exp: NOW - 9 }],
    ["that begins within the tolerance", { nbf: NOW + 9 }],
  ])("%s is taken", async (_what, claims) => {
    expect(await see({ claims })).toEqual(ANN);
  });

  test.each<[string, TokenParts]>([
    ["of another issuer", { claims: { iss: `${ISSUER}.evil` } }],
    ["of an issuer with a slash more", { claims: { iss: `${ISSUER}/` } }],
    ["for another audience", { claims: { aud: "plonk-2" } }],
    ["for nobody", { without: ["aud"] }],
    ["of which the time is over", { claims: { exp: NOW - 10 } }],
    ["that begins later", { claims: { nbf: NOW + 11 } }],
    ["without an end", { without: ["exp"] }],
    ["without a subject", { without: ["sub"] }],
    ["of a key that is not published", { kid: "unknown" }],
    ["under the name of another key", { alg: "ES256", kid: "RS256" }],
  ])("%s is refused", async (_what, parts) => {
    expect(await identify(await sign(parts))).toEqual(REFUSED);
  });

  test.each([
    [
      "with a character changed",
      (token: string) => token.replace(/.$/, (c) => (c === "A" ? "Q" : "A")),
    ],
    ["with another payload", (token: string) => token.replace(/\.[^.]+\./, ".e30.")],
    ["without its signature", (token: string) => token.replace(/[^.]+$/, "")],
    ["with a part more", (token: string) => `${token}.x`],
    ["of two parts", () => "a.b"],
    ["that is too long", (token: string) => `${token}${"a".repeat(8192)}`],
    ["of nothing", () => ""],
  ])("%s is refused", async (_what, change) => {
    expect(await identify(change(await sign()))).toEqual(REFUSED);
  });

  test("is neither right nor wrong while the issuer is away", async () => {
    isAway = true;
    expect(await see()).toBe("PLONK_ISSUER_UNAVAILABLE");
  });
});

describe("the identity in a token", () => {
  test("has the roles of the claim, and none but ours", async () => {
    const groups = ["p:deployer:a", "admin", "p:invoke:a/f", "q:admin"];
    expect(await see({ claims: { groups } })).toEqual({
      name: "oidc:ann",
      roles: [
        { role: "deployer", namespace: "a" },
        { role: "invoke", namespace: "a", function: "f" },
      ],
    });
  });

  test("is somebody without any role where the claim is not there", async () => {
    expect(await see({ without: ["groups"] })).toEqual({ name: "oidc:ann", roles: [] });
  });

  test("has a name that is not too long for a log", async () => {
    expect(await see({ claims: { sub: "s".repeat(500) } })).toMatchObject({
      name: `oidc:${"s".repeat(128)}`,
    });
  });

  test("cannot be that of a user with a password", async () => {
    expect(await see({ claims: { sub: "admin" } })).toMatchObject({ name: "oidc:admin" });
  });
});

describe("a token that was right", () => {
  test("is let in at once for a minute, whatever the issuer does", async () => {
    const token = await sign();
    await identify(token);
    isAway = true;
    await pass(59);
    expect(auth.identify(`bearer ${token}`)).toEqual({ identity: ANN });
  });

  test("is not known any longer than it is good", async () => {
    const token = await sign({ claims: { exp: NOW + 20 } });
    expect(await identify(token)).toEqual({ identity: ANN });
    await pass(31);
    expect(await identify(token)).toEqual(REFUSED);
  });

  test("is looked at again after a minute", async () => {
    const token = await sign();
    await identify(token);
    await pass(61);
    const second = auth.identify(`Bearer ${token}`);
    expect(second).toBeInstanceOf(Promise);
    expect(await second).toEqual({ identity: ANN });
  });

  test("says nothing of another one of the same person", async () => {
    await identify(await sign());
    const other = await sign({ claims: { exp: NOW - 60 } });
    expect(await identify(other)).toEqual(REFUSED);
  });
});
