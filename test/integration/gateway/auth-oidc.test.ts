/** Bearer tokens of a real OpenID Connect issuer. */
import { createHmac, generateKeyPairSync } from "node:crypto";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import { importJWK, type JWTPayload, SignJWT } from "jose";
import { BearerAuth } from "../../../services/gateway/auth/bearer-auth.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { fakeOnly, holdClock } from "../../support/clock.ts";
import { echo, TestGateway } from "../../support/gateway.ts";
import { TestIssuer } from "../../support/issuer.ts";
import { createKeptLog } from "../../support/logs.ts";
import { basic, UserFolder } from "../../support/users.ts";

const CLIENTS = {
  boss: ["plonk:admin"],
  ci: ["plonk:deployer:openfaas-fn", "other:admin"],
  viewer: ["plonk:reader"],
  caller: ["plonk:invoke:openfaas-fn/secretive"],
  stranger: ["admin", "deployer"],
};
const AUDIENCE = "plonk-gateway";

let issuer: TestIssuer;
let gateway: TestGateway;
const folder = new UserFolder();
const atEnd = collectCleanups(afterAll);
const onTestEnd = collectCleanups(afterEach);

beforeAll(async () => {
  atEnd(() => folder.remove());
  issuer = await TestIssuer.start(CLIENTS);
  atEnd(() => issuer.stop());
  gateway = await TestGateway.start({
    basic_auth: "true",
    secret_mount_path: folder.path,
    oidc_issuer: issuer.url,
    oidc_audience: AUDIENCE,
  });
  atEnd(() => gateway.stop());
  await gateway.serve("open", echo);
});

async function get(path: string, token: string): Promise<Response> {
  return fetch(`${gateway.url}${path}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(60_000),
  });
}

async function statusOf(token: string): Promise<number> {
  return (await get("/system/functions", token)).status;
}

/** A token as the issuer would sign it, but for what a test changes. */
async function forge(
  claims: JWTPayload = {},
  header: { alg?: string; kid?: string } = {},
): Promise<string> {
  const { key, url } = issuer;
  const roles = ["plonk:admin"];
  return new SignJWT({ roles, sub: "forged", aud: AUDIENCE, iss: url, ...claims })
    .setProtectedHeader({ alg: "RS256", kid: key.kid ?? "", ...header })
    .setExpirationTime(claims.exp ?? "5 min")
    .sign(await importJWK(key, "RS256"));
}

describe("a token of the issuer", () => {
  test("carries the roles of its client", async () => {
    const answers = await Promise.all(
      Object.keys(CLIENTS).map(async (client) => {
        const token = await issuer.token(client);
        const read = await get("/system/functions", token);
        const write = await fetch(`${gateway.url}/system/secrets`, {
          method: "POST",
          headers: { authorization: `Bearer ${token}` },
          body: JSON.stringify({ name: `of-${client}`, value: "v" }),
          signal: AbortSignal.timeout(60_000),
        });
        return [client, read.status, write.status];
      }),
    );
    expect(answers).toEqual([
      ["boss", 200, 202],
      ["ci", 200, 202],
      ["viewer", 200, 403],
      ["caller", 403, 403],
      ["stranger", 403, 403],
    ]);
  });

  test("is named in the audit log by its subject", () => {
    expect(gateway.log.text()).toContain('"who":"oidc:ci","method":"POST"');
  });

  test("opens the page and the document, too", async () => {
    const token = await issuer.token("viewer");
    expect((await get("/ui/", token)).status).not.toBe(401);
    expect((await get("/system/info", token)).status).toBe(200);
  });
});

describe("a token is refused", () => {
  const now = Math.floor(Date.now() / 1000);

  test("not when it is right", async () => {
    expect(await statusOf(await forge())).toBe(200);
  });

  test.each<[string, JWTPayload]>([
    ["for another audience", { aud: "another-program" }],
    ["of another issuer", { iss: "https://issuer.example" }],
    ["that has expired", { exp: now - 60 }],
    ["that is not valid yet", { nbf: now + 3600 }],
    ["without a subject", { sub: undefined } as unknown as JWTPayload],
  ])("%s", async (_what, claims) => {
    const response = await get("/system/functions", await forge(claims));
    expect([response.status, await response.text()]).toEqual([401, "invalid credentials"]);
    expect(response.headers.get("www-authenticate")).toBe(
      'Bearer realm="Restricted", error="invalid_token"',
    );
  });

  test("within the tolerance of clocks it is not", async () => {
    // The tolerance is ten seconds.
    fakeOnly("Date");
    onTestEnd(() => jest.useRealTimers());
    expect(await statusOf(await forge({ exp: Math.floor(Date.now() / 1000) - 3 }))).toBe(200);
  });

  test("with another audience by the issuer itself", async () => {
    expect(await statusOf(await issuer.token("boss", "another-program"))).toBe(401);
  });

  test("unsigned, with alg none in any case", async () => {
    const [, payload = ""] = (await forge()).split(".");
    for (const alg of ["none", "None", "NONE"]) {
      const header = Buffer.from(JSON.stringify({ alg, kid: issuer.key.kid })).toString(
        "base64url",
      );
      expect(await statusOf(`${header}.${payload}.`)).toBe(401);
      expect(await statusOf(`${header}.${payload}.AA`)).toBe(401);
    }
  });

  test("signed with the public key as a shared secret", async () => {
    const jwks = await (await fetch(`${issuer.url}/jwks`)).text();
    const { keys } = JSON.parse(jwks) as { keys: object[] };
    const secrets = [jwks, JSON.stringify(keys[0]), String(issuer.key.n)];
    for (const secret of secrets) {
      const [, payload = ""] = (await forge()).split(".");
      const header = Buffer.from(JSON.stringify({ alg: "HS256", kid: issuer.key.kid }));
      const signed = `${header.toString("base64url")}.${payload}`;
      const mac = createHmac("sha256", secret).update(signed).digest("base64url");
      expect(await statusOf(`${signed}.${mac}`)).toBe(401);
    }
  });

  test("signed by a key of somebody else, under a known and an embedded name", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const jwk = publicKey.export({ format: "jwk" });
    const sign = (header: object): Promise<string> =>
      new SignJWT({ roles: ["plonk:admin"], sub: "x", aud: AUDIENCE, iss: issuer.url })
        .setProtectedHeader({ alg: "RS256", ...header })
        .setExpirationTime("5 min")
        .sign(privateKey);
    expect(await statusOf(await sign({ kid: issuer.key.kid }))).toBe(401);
    expect(await statusOf(await sign({ jwk }))).toBe(401);
    expect(await statusOf(await sign({ jku: "http://127.0.0.1:9/", kid: "mine" }))).toBe(401);
  });

  test("with one changed character, and when it is no token at all", async () => {
    const [header = "", payload = "", signature = ""] = (await forge()).split(".");
    const other = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
    const changed = Buffer.from(JSON.stringify({ ...other, sub: "y" })).toString("base64url");
    const first = signature.startsWith("A") ? "B" : "A";
    for (const token of [
      `${header}.${changed}.${signature}`,
      `${header}.${payload}.${first}${signature.slice(1)}`,
      "abc",
      "a.b.c",
      "..",
      `${header}.${payload}.${"A".repeat(9000)}`,
    ]) {
      expect(await statusOf(token)).toBe(401);
    }
  });
});

describe("a flood of tokens with unknown keys", () => {
  test("asks the issuer for its keys once at most", async () => {
    const before = issuer.seen.get("/jwks") ?? 0;
    const tokens = await Promise.all(
      Array.from({ length: 200 }, (_, index) => forge({}, { kid: `unknown-${index}` })),
    );
    const statuses = await Promise.all(tokens.map(statusOf));
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect((issuer.seen.get("/jwks") ?? 0) - before).toBeLessThanOrEqual(1);
  });
});

describe("BearerAuth with its issuer", () => {
  const { logger, text } = createKeptLog();
  const config = { audience: AUDIENCE, rolesClaim: "roles", rolePrefix: "plonk:" };
  let own: TestIssuer;

  const create = (issuerUrl = own.url): BearerAuth =>
    new BearerAuth({ ...config, issuer: issuerUrl }, { logger, cooldownMs: 0 });
  const identify = async (auth: BearerAuth, token: string): Promise<unknown> => {
    const outcome = await auth.identify(`Bearer ${token}`);
    return "refusal" in outcome ? outcome.refusal.status : outcome.identity;
  };
  const ADMIN = { name: "oidc:boss", roles: [{ role: "admin" }] };

  beforeEach(async () => {
    own = await TestIssuer.start(CLIENTS);
  });

  afterEach(() => own.stop());

  test.each(["RS256", "ES256", "EdDSA"] as const)("takes %s", async (alg) => {
    await own.rotate(alg);
    expect(await identify(create(), await own.token("boss"))).toEqual(ADMIN);
  });

  test("takes a new key when the issuer has changed its keys, and not the old one", async () => {
    const auth = create();
    const old = await own.token("boss");
    expect(await identify(auth, await own.token("viewer"))).toMatchObject({ name: "oidc:viewer" });
    await own.rotate();
    expect(await identify(auth, await own.token("boss"))).toEqual(ADMIN);
    expect(await identify(auth, old)).toBe(401);
  });

  test("looks at a token once, and lets it in at once the second time", async () => {
    const auth = create();
    const token = await own.token("boss");
    await identify(auth, token);
    expect(auth.identify(`bearer ${token}`)).toEqual({ identity: ADMIN });
  });

  test("is 503 with Retry-After while the issuer is away, asks it seldom, and says so", async () => {
    // A failure is good for five seconds.
    onTestEnd(holdClock());
    const auth = create();
    const token = await own.token("boss");
    own.breakDown();
    own.seen.clear();
    const outcomes = [];
    for (let turn = 0; turn < 20; turn += 1) {
      outcomes.push(await auth.identify(`Bearer ${token}`));
    }
    expect(outcomes[19]).toEqual({
      refusal: {
        status: 503,
        code: "PLONK_ISSUER_UNAVAILABLE",
        message: "The issuer of tokens is not reachable: try again in a moment.",
        retryAfterSeconds: 5,
      },
    });
    expect([...own.seen.values()]).toEqual([1]);
    expect(text()).toContain("OpenID Connect issuer not usable");
    expect(text()).not.toContain(token);
  });

  test("does not take the description of another issuer", async () => {
    const auth = create(`${own.url}/`);
    expect(await identify(auth, await own.token("boss"))).toBe(503);
    expect(text()).toContain("issuer: expected the one that was asked, got another");
  });
});

test("basic authentication works while the issuer is away", async () => {
  const without = await TestGateway.start({
    basic_auth: "true",
    secret_mount_path: folder.path,
    oidc_issuer: "http://127.0.0.1:9",
    oidc_audience: AUDIENCE,
  });
  onTestEnd(() => without.stop());
  const ask = (authorization: string): Promise<Response> =>
    fetch(`${without.url}/system/functions`, {
      headers: { authorization },
      signal: AbortSignal.timeout(60_000),
    });
  const byToken = await ask(`Bearer ${await forge()}`);
  const byPassword = await ask(basic("admin", "admin-password"));
  expect([byToken.status, byToken.headers.get("retry-after")]).toEqual([503, "5"]);
  expect(byPassword.status).toBe(200);
});

test("without users, only tokens count", async () => {
  const only = await TestGateway.start({ oidc_issuer: issuer.url, oidc_audience: AUDIENCE });
  onTestEnd(() => only.stop());
  const ask = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${only.url}/system/functions`, { headers, signal: AbortSignal.timeout(60_000) });
  const nobody = await ask({});
  const byPassword = await ask({ authorization: basic("admin", "admin-password") });
  const byToken = await ask({ authorization: `Bearer ${await issuer.token("viewer")}` });
  expect([nobody.status, byPassword.status, byToken.status]).toEqual([401, 401, 200]);
  expect(nobody.headers.get("www-authenticate")).toBe('Bearer realm="Restricted"');
});
