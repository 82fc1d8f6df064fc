/** `users.yaml`. */
import { describe, expect, test } from "@jest/globals";
import { parseUsers } from "../../../../services/gateway/auth/users-file.ts";
import { quickHash } from "../../../support/users.ts";

const HASH = quickHash("canary-password");

function parse(users: unknown): unknown {
  return parseUsers(JSON.stringify({ users }));
}

describe("parseUsers", () => {
  test("reads YAML", () => {
    const text = `users:\n- name: ci\n  passwordHash: "${HASH}"\n  role: deployer\n  namespaces: [a, b]`;
    expect(parseUsers(text)).toEqual([
      {
        name: "ci",
        hash: expect.objectContaining({ ln: 10, r: 8, p: 1 }),
        roles: [
          { role: "deployer", namespace: "a" },
          { role: "deployer", namespace: "b" },
        ],
      },
    ]);
  });

  test("takes the star for every namespace, and no namespaces where the role allows that", () => {
    const user = { name: "u", passwordHash: HASH };
    expect(parse([{ ...user, role: "deployer", namespaces: ["*"] }])).toMatchObject([
      { roles: [{ role: "deployer" }] },
    ]);
    for (const role of ["admin", "reader", "alertmanager", "invoke"]) {
      expect(parse([{ ...user, role }])).toMatchObject([{ roles: [{ role }] }]);
    }
  });

  test("takes an empty list", () => {
    expect(parse([])).toEqual([]);
  });

  const user = { name: "u", passwordHash: HASH, role: "reader" };

  test.each<[unknown, string]>([
    [
      [{ ...user, role: "canary" }],
      "users[0].role: expected one of admin, deployer, reader, alertmanager, invoke",
    ],
    [
      [user, { ...user, name: "a:canary" }],
      "users[1].name: expected 1 to 128 characters without colons and spaces",
    ],
    [
      [{ ...user, passwordHash: "canary" }],
      "users[0].passwordHash: expected $scrypt$ln=14,r=8,p=5$<salt>$<hash>",
    ],
    [
      [{ ...user, passwordHash: 5 }],
      "users[0].passwordHash: expected $scrypt$ln=14,r=8,p=5$<salt>$<hash>",
    ],
    [
      [{ ...user, role: "deployer" }],
      'users[0].namespaces: expected a list of namespaces, or ["*"]',
    ],
    [
      [{ ...user, namespaces: ["Canary"] }],
      'users[0].namespaces: expected a list of namespaces, or ["*"]',
    ],
    [[{ ...user, namespaces: [] }], 'users[0].namespaces: expected a list of namespaces, or ["*"]'],
    [[{ ...user, canary: 1 }], "users[0]: expected name, passwordHash, role, namespaces only"],
    [["canary"], "users[0]: expected name, passwordHash, role, namespaces only"],
    [[user, user], "users[1].name: expected a name that is not used above"],
    ["canary", "expected users: [{ name, passwordHash, role, namespaces }]"],
  ])("refuses %j without a word of it", (users, message) => {
    expect(() => parse(users)).toThrow(new Error(`users.yaml: ${message}`));
  });

  test.each([
    ["", "expected users: [{ name, passwordHash, role, namespaces }]"],
    ["- canary", "expected users: [{ name, passwordHash, role, namespaces }]"],
    ["users: [\n canary: {", "expected YAML, got an error in line 2"],
    ["a: 1\nb: 2\nusers: *canary", "expected no aliases"],
  ])("refuses %j without a word of it, too", (text, message) => {
    expect(() => parseUsers(text)).toThrow(new Error(`users.yaml: ${message}`));
  });
});
