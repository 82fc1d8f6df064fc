/** Which scheme answers for which header. */
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  type AuthenticatorOptions,
  createAuthenticator,
} from "../../../../services/gateway/auth/authenticator.ts";
import { collectCleanups } from "../../../support/cleanup.ts";
import { createKeptLog } from "../../../support/logs.ts";
import { basic, UserFolder } from "../../../support/users.ts";

const onTestEnd = collectCleanups(afterEach);

/** Nobody listens there: a token is never right, and its issuer is never asked for a wrong one. */
const OIDC = {
  issuer: "http://127.0.0.1:9",
  audience: "plonk",
  rolesClaim: "roles",
  rolePrefix: "plonk:",
};
const ADMIN = { identity: { name: "admin", roles: [{ role: "admin" }] } };

function createFolder(): string {
  const folder = new UserFolder(undefined, { name: "admin", password: "pass" });
  onTestEnd(() => folder.remove());
  return folder.path;
}

function create(parts: Partial<AuthenticatorOptions>) {
  const { logger } = createKeptLog();
  return createAuthenticator({ secretMountPath: undefined, oidc: undefined, logger, ...parts });
}

/** The challenge of the refusal. */
const challenge = (outcome: unknown): unknown =>
  (outcome as { refusal: { challenge?: string } }).refusal.challenge;

const BASIC = 'Basic realm="Restricted"';
const BEARER = 'Bearer realm="Restricted"';
const BAD_TOKEN = 'Bearer realm="Restricted", error="invalid_token"';

describe("with users and an issuer", () => {
  const createBoth = () => create({ secretMountPath: createFolder(), oidc: OIDC });

  test.each([
    [undefined, BASIC],
    ["", BASIC],
    ["Digest x", BASIC],
    ["Bearer", BASIC],
    [basic("admin", "wrong"), BASIC],
    ["Bearer abc", BAD_TOKEN],
    ["bEaReR a.b", BAD_TOKEN],
    ["Bearer  a.b.c d", BAD_TOKEN],
    [`Bearer ${"a".repeat(9000)}.b.c`, BAD_TOKEN],
  ])("%j is refused with its own scheme's challenge", async (header, expected) => {
    expect(challenge(await createBoth()?.identify(header, "10.0.0.1"))).toBe(expected);
  });

  test("the administrator comes in by password, in any case of the scheme", async () => {
    const auth = createBoth();
    const header = basic("admin", "pass");
    expect(await auth?.identify(header, "10.0.0.1")).toEqual(ADMIN);
    expect(await auth?.identify(header.replace("Basic", "BASIC"), "10.0.0.1")).toEqual(ADMIN);
  });
});

describe("with users alone", () => {
  test("a token is an unknown scheme", async () => {
    const auth = create({ secretMountPath: createFolder() });
    expect(challenge(await auth?.identify("Bearer a.b.c", "10.0.0.1"))).toBe(BASIC);
  });
});

describe("with an issuer alone", () => {
  test.each([
    [undefined, BEARER],
    [basic("admin", "pass"), BEARER],
    ["Bearer abc", BAD_TOKEN],
  ])("%j is asked for a token", async (header, expected) => {
    expect(challenge(await create({ oidc: OIDC })?.identify(header, "10.0.0.1"))).toBe(expected);
  });
});

test("without either there is nobody to ask", () => {
  expect(create({})).toBeUndefined();
});

test("without the administrator's files there is no gateway, and the file is named", () => {
  expect(() => create({ secretMountPath: "/nowhere", oidc: OIDC })).toThrow(
    "/nowhere/basic-auth-user",
  );
});
