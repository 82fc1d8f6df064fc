/** From a token's claims to roles. */
import { describe, expect, test } from "@jest/globals";
import { toRoles } from "../../../../services/gateway/auth/oidc-roles.ts";

const map = (claims: Record<string, unknown>, rolesClaim = "roles"): unknown =>
  toRoles(claims, { rolesClaim, rolePrefix: "plonk:" });

describe("toRoles", () => {
  test.each([
    ["plonk:admin", { role: "admin" }],
    ["plonk:reader", { role: "reader" }],
    ["plonk:reader:a", { role: "reader", namespace: "a" }],
    ["plonk:alertmanager", { role: "alertmanager" }],
    ["plonk:deployer:team-a", { role: "deployer", namespace: "team-a" }],
    ["plonk:deployer:*", { role: "deployer" }],
    ["plonk:invoke", { role: "invoke" }],
    ["plonk:invoke:a", { role: "invoke", namespace: "a" }],
    ["plonk:invoke:a/f", { role: "invoke", namespace: "a", function: "f" }],
  ])("reads %s", (value, role) => {
    expect(map({ roles: [value] })).toEqual([role]);
  });

  test.each([
    "admin",
    "plonk:",
    "plonk:Admin",
    "plonk:admin:a",
    "plonk:deployer",
    "plonk:deployer:",
    "plonk:deployer:a/f",
    "plonk:invoke:*/f",
    "plonk:invoke:a/",
    "plonk:invoke:a/f/g",
    "plonk:owner",
    "xplonk:admin",
    "plonk:admin\n",
  ])("makes nothing of %j", (value) => {
    expect(map({ roles: [value] })).toEqual([]);
  });

  test("keeps ours among others, whatever their type", () => {
    expect(map({ roles: ["a", 5, null, { a: 1 }, "plonk:reader", "plonk:admin"] })).toEqual([
      { role: "reader" },
      { role: "admin" },
    ]);
  });

  test("takes a text with spaces for a list", () => {
    expect(map({ scope: "openid plonk:reader" }, "scope")).toEqual([{ role: "reader" }]);
  });

  test("finds claims inside of claims, and claims with dots in their names", () => {
    const roles = ["plonk:admin"];
    expect(map({ realm_access: { roles } }, "realm_access.roles")).toEqual([{ role: "admin" }]);
    expect(map({ "https://x.example/roles": roles }, "https://x.example/roles")).toHaveLength(1);
  });

  test.each([[{}], [{ roles: 5 }], [{ roles: null }], [{ roles: { admin: true } }]])(
    "finds none in %j",
    (claims) => {
      expect(map(claims)).toEqual([]);
    },
  );

  test("does not look at what every object inherits", () => {
    expect(map({}, "constructor.name")).toEqual([]);
  });
});
