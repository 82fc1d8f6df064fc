/** What roles may do, and where. */
import { describe, expect, test } from "@jest/globals";
import { isAllowed, type Right, type Role } from "../../../../services/gateway/auth/identity.ts";

const RIGHTS: Right[] = ["look", "read", "write", "alert", "invoke", "administer"];

function listRights(role: Role, place = {}): Right[] {
  return RIGHTS.filter((right) => isAllowed({ name: "x", roles: [role] }, right, place));
}

describe("isAllowed", () => {
  test.each<[Role, Right[]]>([
    [{ role: "admin" }, RIGHTS],
    [{ role: "deployer", namespace: "a" }, ["look", "read", "write", "invoke"]],
    [{ role: "reader" }, ["look", "read"]],
    [{ role: "alertmanager" }, ["alert"]],
    [{ role: "invoke", namespace: "a", function: "f" }, ["invoke"]],
  ])("%j may, in its namespace, %j", (role, rights) => {
    expect(listRights(role, { namespace: "a", function: "f" })).toEqual(rights);
  });

  test("a role of one namespace holds in no other, and not where none is named", () => {
    const role: Role = { role: "deployer", namespace: "a" };
    expect(listRights(role, { namespace: "b" })).toEqual(["look"]);
    expect(listRights(role)).toEqual(["look"]);
  });

  test("a role of one function is of no use for another", () => {
    const role: Role = { role: "invoke", namespace: "a", function: "f" };
    expect(listRights(role, { namespace: "a", function: "g" })).toEqual([]);
    expect(listRights(role, { namespace: "b", function: "f" })).toEqual([]);
  });

  test("roles add up, and none is nothing", () => {
    const roles: Role[] = [{ role: "reader" }, { role: "deployer", namespace: "a" }];
    expect(isAllowed({ name: "x", roles }, "read", { namespace: "b" })).toBe(true);
    expect(isAllowed({ name: "x", roles }, "write", { namespace: "a" })).toBe(true);
    expect(isAllowed({ name: "x", roles }, "write", { namespace: "b" })).toBe(false);
    expect(isAllowed({ name: "x", roles: [] }, "look")).toBe(false);
  });
});
