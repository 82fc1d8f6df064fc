/** Files of users that are mounted, and change in place. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { UserDirectory, Users } from "../../../../services/gateway/auth/user-directory.ts";
import type { User } from "../../../../services/gateway/auth/users-file.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";
import { type TestUser, UserFolder } from "../../../support/users.ts";

const CI: TestUser = { name: "ci", password: "p", role: "reader" };

let folder: UserFolder;
let log: KeptLog;
let now: number;

beforeEach(() => {
  now = 1_700_000_000_000;
  jest.spyOn(performance, "now").mockImplementation(() => now);
  folder = new UserFolder([CI], { name: "admin", password: "first" });
  log = createKeptLog();
});

afterEach(() => {
  jest.restoreAllMocks();
  folder.remove();
});

const open = (): UserDirectory => new UserDirectory(folder.path, log.logger);
const lines = (): string[] =>
  [...log.text().matchAll(/"msg":"(.*?)"/g)].map(([, text = ""]) => text);

describe("the users", () => {
  test("are those of the files, without the line ends that editors leave", () => {
    folder.write("basic-auth-user", "  root \n");
    folder.write("basic-auth-password", "pass word\r\n");
    const { users } = open();
    expect([users.isAdmin("root", "pass word"), users.isAdmin("root", "pass word\r\n")]).toEqual([
      true,
      false,
    ]);
    expect([users.find("ci")?.name, users.find("root"), users.hasHashes]).toEqual([
      "ci",
      undefined,
      true,
    ]);
  });

  test("are the administrator alone where there is no further file", () => {
    rmSync(join(folder.path, "users.yaml"));
    const { users } = open();
    expect([users.hasHashes, users.find("ci"), users.isAdmin("admin", "first")]).toEqual([
      false,
      undefined,
      true,
    ]);
  });

  test("are the same object until a file changes, and until a second is over", () => {
    const directory = open();
    const { users } = directory;
    now += 5000;
    expect(directory.users).toBe(users);
    folder.write("basic-auth-password", "second");
    now += 999;
    expect(directory.users).toBe(users);
    now += 1;
    expect(directory.users).not.toBe(users);
    expect(directory.users.isAdmin("admin", "second")).toBe(true);
    expect(lines()).toEqual(["users read again"]);
  });

  test("are not read again for what means the same", () => {
    const directory = open();
    const { users } = directory;
    folder.write("basic-auth-password", "first\n\n");
    now += 1000;
    expect([directory.users === users, lines()]).toEqual([true, []]);
  });

  test("lose who is no longer in the file, and all when the file goes", () => {
    const directory = open();
    folder.writeUsers([{ ...CI, name: "other" }]);
    now += 1000;
    expect([directory.users.find("ci"), directory.users.find("other")?.name]).toEqual([
      undefined,
      "other",
    ]);
    rmSync(join(folder.path, "users.yaml"));
    now += 1000;
    expect([directory.users.find("other"), directory.users.hasHashes]).toEqual([undefined, false]);
  });
});

describe("files that are wrong meanwhile", () => {
  test.each<[string, (folder: UserFolder) => void, string]>([
    [
      "a file that is gone",
      ({ path }) => rmSync(join(path, "basic-auth-user")),
      "ENOENT: no such file",
    ],
    [
      "an empty password",
      (target) => target.write("basic-auth-password", " \n"),
      "basic-auth-password: expected a value, got an empty file",
    ],
    [
      "a user by the administrator's name",
      (target) => target.writeUsers([CI, { ...CI, name: "admin" }]),
      "users.yaml: users[1].name: expected another than the administrator's",
    ],
    [
      "a file that is none",
      (target) => target.write("users.yaml", "users: 5"),
      "users.yaml: expected users: [{ name, passwordHash, role, namespaces }]",
    ],
  ])("%s leaves the users as they were, and is told", (_what, spoil, reason) => {
    const directory = open();
    const { users } = directory;
    spoil(folder);
    now += 1000;
    expect(directory.users).toBe(users);
    expect(lines()).toEqual(["users not readable, keeping the old"]);
    expect(log.text()).toContain(reason);
  });

  test("are taken over as soon as they are right again", () => {
    const directory = open();
    folder.write("users.yaml", "users: 5");
    now += 1000;
    expect(directory.users.find("ci")?.name).toBe("ci");
    folder.writeUsers([{ ...CI, name: "new" }]);
    now += 1000;
    expect(directory.users.find("new")?.name).toBe("new");
  });

  test("are noticed again where the old users have come back", () => {
    const directory = open();
    const { users } = directory;
    folder.write("users.yaml", "users: 5");
    now += 1000;
    expect(directory.users).toBe(users);
    folder.writeUsers([CI]);
    now += 1000;
    expect(directory.users).not.toBe(users);
    expect(directory.users.find("ci")?.roles).toEqual([{ role: "reader" }]);
  });

  test("of the start keep the gateway from starting", () => {
    folder.writeUsers([{ ...CI, name: "admin" }]);
    expect(open).toThrow("users.yaml: users[0].name: expected another than the administrator's");
  });
});

describe("the administrator", () => {
  const others: User[] = [];

  test("is nobody with another name or another password, however the two are put together", () => {
    const users = new Users({ name: "ad:min", password: "pass" }, others);
    expect(users.isAdmin("ad:min", "pass")).toBe(true);
    for (const [name, password] of [
      ["ad", "min:pass"],
      ["ad:minp", "ass"],
      ["", "ad:minpass"],
      ["ad:min", ""],
      ["ad:min", "pass\0"],
      ["Ad:min", "pass"],
    ] as const) {
      expect(users.isAdmin(name, password)).toBe(false);
    }
  });

  test("is found by the one pair alone", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (...texts) => {
        const [name, password, otherName, otherPassword] = texts;
        const isSame = name === otherName && password === otherPassword;
        const users = new Users({ name, password }, others);
        expect(users.isAdmin(otherName, otherPassword)).toBe(isSame);
      }),
    );
  });
});
