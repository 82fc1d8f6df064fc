/** Basic authentication. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { BasicAuth } from "../../../../services/gateway/auth/basic-auth.ts";
import type { Identification } from "../../../../services/gateway/auth/identity.ts";
import { LoginThrottle } from "../../../../services/gateway/auth/login-throttle.ts";
import { UserDirectory } from "../../../../services/gateway/auth/user-directory.ts";
import { moveClock } from "../../../support/clock.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";
import { basic, type TestUser, UserFolder } from "../../../support/users.ts";

const CI: TestUser = { name: "ci", password: "ci:pass", role: "deployer", namespaces: ["a"] };
const PEER = "10.0.0.1";
/** After so long the users' files are looked at again, milliseconds. */
const RELOAD_MS = 1000;
const ADMIN = { name: "admin", roles: [{ role: "admin" }] };

// A hash at full cost takes a good part of a second on a busy machine.
jest.setTimeout(120_000);

let folder: UserFolder;
let log: KeptLog;
let auth: BasicAuth;

function create(users?: TestUser[], throttle = new LoginThrottle()): void {
  folder = new UserFolder(users, { name: "admin", password: "pass:word" });
  log = createKeptLog();
  auth = new BasicAuth(new UserDirectory(folder.path, log.logger), throttle);
}

/** The identity, or the status of the refusal. */
async function identify(header: string, peer = PEER): Promise<unknown> {
  const outcome = await auth.identify(header, peer);
  return "identity" in outcome ? outcome.identity : outcome.refusal.status;
}

function isRefusedWith(status: number, outcome: Identification): boolean {
  return "refusal" in outcome && outcome.refusal.status === status;
}

beforeEach(() => create([CI]));
afterEach(() => folder.remove());

describe("BasicAuth", () => {
  test("knows the administrator and the users with their roles", async () => {
    expect(await identify(basic("admin", "pass:word"))).toEqual(ADMIN);
    expect(await identify(basic("ci", "ci:pass"))).toEqual({
      name: "ci",
      roles: [{ role: "deployer", namespace: "a" }],
    });
  });

  test("takes the scheme in any case (RFC 9110 section 11.1)", async () => {
    const lower = basic("admin", "pass:word").replace("Basic", "bAsIc");
    expect(await identify(lower)).toEqual(ADMIN);
  });

  test.each([
    ["an empty header", ""],
    ["another scheme", "Bearer abc"],
    ["no colon", `Basic ${Buffer.from("adminpassword").toString("base64")}`],
    ["a wrong password", basic("admin", "pass:wor")],
    ["a wrong user", basic("Admin", "pass:word")],
    ["another user's password", basic("ci", "pass:word")],
    ["the administrator with a user's password", basic("admin", "ci:pass")],
    ["nobody", basic("", "")],
    ["what every object has", basic("constructor", "")],
  ])("refuses %s", async (_what, header) => {
    expect(await auth.identify(header, PEER)).toEqual({
      refusal: {
        status: 401,
        code: "PLONK_UNAUTHORIZED",
        message: "invalid credentials",
        challenge: 'Basic realm="Restricted"',
      },
    });
  });

  test("refuses everything but the one pair", async () => {
    folder.remove();
    create();
    let peer = 0;
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (user, password) => {
        fc.pre(`${user}:${password}` !== "admin:pass:word");
        peer += 1;
        expect(await identify(basic(user, password), String(peer))).toBe(401);
      }),
    );
  });

  test("checks a password once, and knows it at once from then on", async () => {
    const header = basic("ci", "ci:pass");
    const pending = auth.identify(header, PEER);
    expect(auth.identify(header, PEER)).toBe(pending);
    await pending;
    expect(auth.identify(header, "10.0.0.2")).toMatchObject({ identity: { name: "ci" } });
  });
});

describe("users that change", () => {
  test("are taken over in place; who is gone is out at once", async () => {
    await identify(basic("ci", "ci:pass"));
    folder.writeUsers([{ ...CI, name: "new", password: "canary-1" }]);
    folder.write("basic-auth-password", "canary-2");
    moveClock(RELOAD_MS);
    expect(await identify(basic("new", "canary-1"))).toMatchObject({ name: "new" });
    expect(await identify(basic("admin", "canary-2"))).toEqual(ADMIN);
    expect(await identify(basic("ci", "ci:pass"))).toBe(401);
    expect(await identify(basic("admin", "pass:word"))).toBe(401);
  });

  test("stay as they are while a file is broken, which is said once and without values", async () => {
    folder.write("users.yaml", `users: [{ name: ci, passwordHash: canary-3, role: reader }]`);
    moveClock(RELOAD_MS);
    expect(await identify(basic("ci", "ci:pass"))).toMatchObject({ name: "ci" });
    folder.write("basic-auth-password", "");
    moveClock(RELOAD_MS);
    expect(await identify(basic("admin", "pass:word"))).toEqual(ADMIN);
    const reasons = [...log.text().matchAll(/"reason":"(.*?)"/g)].map(([, reason]) => reason);
    expect(reasons).toEqual([
      "users.yaml: users[0].passwordHash: expected $scrypt$ln=14,r=8,p=5$<salt>$<hash>",
      `${folder.path}/basic-auth-password: expected a value, got an empty file`,
    ]);
    expect(log.text()).not.toContain("canary");
  });

  test("must be right at the start", () => {
    const read = () => new UserDirectory(folder.path, log.logger);
    folder.writeUsers([{ ...CI, name: "admin" }]);
    expect(read).toThrow("users.yaml: users[0].name: expected another than the administrator's");
    folder.write("basic-auth-password", "\n");
    expect(read).toThrow(/basic-auth-password: expected a value, got an empty file/);
    expect(() => new UserDirectory(`${folder.path}/none`, log.logger)).toThrow(/basic-auth-user/);
  });
});

describe("a guesser", () => {
  const guess = async (user: string, times: number, peer = PEER): Promise<unknown[]> => {
    const statuses = [];
    for (let turn = 0; turn < times; turn += 1) {
      statuses.push(await identify(basic(user, `wrong-${turn}`), peer));
    }
    return statuses;
  };

  beforeEach(() => {
    folder.remove();
    // Its clock stands still, however long the attempts take.
    create(undefined, new LoginThrottle(() => 1));
  });

  test("is slowed down after five attempts, and told for how long", async () => {
    expect(await guess("admin", 8)).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    expect(await auth.identify(basic("admin", "pass:word"), PEER)).toEqual({
      refusal: {
        status: 429,
        code: "PLONK_TOO_MANY_FAILED_LOGINS",
        message: "Too many failed logins: try again in 1 s.",
        retryAfterSeconds: 1,
      },
    });
  });

  test("is slowed down as much for a user that does not exist", async () => {
    expect(await guess("nobody", 7)).toEqual([401, 401, 401, 401, 401, 429, 429]);
  });

  test("locks out no other user, no other peer, and nobody who was let in before", async () => {
    folder.remove();
    create([CI], new LoginThrottle(() => 1));
    const program = basic("ci", "ci:pass");
    await identify(program);
    await guess("admin", 7);
    await guess("ci", 7);
    expect(await identify(basic("admin", "pass:word"))).toBe(429);
    expect(await identify(basic("admin", "pass:word"), "10.0.0.2")).toEqual(ADMIN);
    expect(await identify(program)).toMatchObject({ name: "ci" });
  });

  test("gains nothing by asking all at once", async () => {
    const statuses = await Promise.all(
      Array.from({ length: 50 }, (_, index) => identify(basic("admin", `wrong-${index}`))),
    );
    expect(statuses.filter((status) => status === 401)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(45);
  });
});

describe("a flood of logins", () => {
  test("is bounded: 503 for what cannot be checked soon, and known programs go on", async () => {
    const program = basic("ci", "ci:pass");
    await identify(program);
    const flood = Array.from({ length: 60 }, (_, index) =>
      Promise.resolve(auth.identify(basic(`user-${index}`, "x"), PEER)),
    );
    let hashed = 0;
    for (const login of flood) {
      void login.then((outcome) => (hashed += isRefusedWith(401, outcome) ? 1 : 0));
    }
    expect(await identify(program)).toMatchObject({ name: "ci" });
    expect(await identify(basic("admin", "pass:word"))).toEqual(ADMIN);
    // They have not waited for their turn behind twenty others.
    expect(hashed).toBeLessThan(22);
    const outcomes = await Promise.all(flood);
    expect(outcomes.filter((outcome) => isRefusedWith(401, outcome))).toHaveLength(22);
    expect(outcomes.filter((outcome) => isRefusedWith(503, outcome))).toHaveLength(38);
    expect(outcomes.at(-1)).toMatchObject({ refusal: { retryAfterSeconds: 1 } });
  });
});
