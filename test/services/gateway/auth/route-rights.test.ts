/** Which right a request needs, and in which namespaces it needs it. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { FastifyRequest } from "fastify";
import type { Identity, Role } from "../../../../services/gateway/auth/identity.ts";
import { type Access, findAccess } from "../../../../services/gateway/auth/route-rights.ts";

const HOME = "home";

interface Parts {
  params?: unknown;
  query?: unknown;
  body?: unknown;
}

function decide(route: string, roles: Role[], parts: Parts = {}): Access {
  const [method, url] = route.split(" ");
  const identity: Identity = { name: "x", roles };
  const request = { method, routeOptions: { url }, ...parts };
  return findAccess(identity, request as unknown as FastifyRequest, HOME);
}

const missing = (right: string): Access => ({ missing: right });

const NOBODY: Role[] = [];
const READER: Role[] = [{ role: "reader" }];
const HOME_READER: Role[] = [{ role: "reader", namespace: HOME }];
const A_READER: Role[] = [{ role: "reader", namespace: "a" }];
const A_DEPLOYER: Role[] = [{ role: "deployer", namespace: "a" }];

describe("who has no role", () => {
  test.each([
    ["GET /system/functions", "read in namespace home"],
    ["POST /system/functions", "write in namespace home"],
    ["PUT /system/functions", "write in namespace home"],
    ["DELETE /system/functions", "write in namespace home"],
    ["GET /system/function/:name", "read in namespace home"],
    ["POST /system/scale-function/:name", "write in namespace home"],
    ["GET /system/function-stats", "read in namespace home"],
    ["GET /system/logs", "read in namespace home"],
    ["GET /system/secrets", "read in namespace home"],
    ["POST /system/secrets", "write in namespace home"],
    ["PUT /system/secrets", "write in namespace home"],
    ["DELETE /system/secrets", "write in namespace home"],
    ["GET /system/namespace/:namespace", "read in namespace home"],
    ["GET /system/namespaces", "look"],
    ["GET /system/info", "look"],
    ["GET /system/queue", "look"],
    ["GET /async/calls", "read in namespace home"],
    ["GET /async/calls/:id", "read"],
    ["GET /async/calls/:id/result", "invoke"],
    ["DELETE /async/calls/:id", "write"],
    ["DELETE /async-function/:id", "write"],
    ["GET /async/dead-letters", "read in namespace home"],
    ["GET /async/dead-letters/:sequence", "read"],
    ["DELETE /async/dead-letters/:sequence", "write"],
    ["POST /async/dead-letters/:sequence/redrive", "write"],
    ["DELETE /async/dead-letters", "write in namespace home"],
    ["POST /async/dead-letters/redrive", "write in namespace home"],
    ["GET /openapi.json", "look"],
    ["POST /system/alert", "alert"],
    ["GET /ui", "look"],
    ["GET /ui/*", "look"],
    ["HEAD /docs/*", "look"],
    ["POST /system/namespace/", "administer"],
    ["POST /system/namespace", "administer"],
    ["PUT /system/namespace/:namespace", "administer"],
    ["DELETE /system/namespace/:namespace", "administer"],
    ["POST /ui/*", "administer"],
    ["GET /uix", "administer"],
    ["GET /docs2/*", "administer"],
    ["GET /system/something-new", "administer"],
    ["HEAD /system/functions", "administer"],
    ["GET ", "administer"],
  ])("lacks for %s the right to %s", (route, right) => {
    expect(decide(route, NOBODY)).toEqual(missing(right));
  });
});

describe("what is found by its number alone", () => {
  test.each<[string, Role[], Access]>([
    ["GET /async/calls/:id", A_READER, "allowed"],
    ["GET /async/calls/:id", READER, "allowed"],
    ["DELETE /async/calls/:id", A_READER, missing("write")],
    ["DELETE /async/calls/:id", A_DEPLOYER, "allowed"],
    ["DELETE /async/calls/:id", [{ role: "alertmanager" }], missing("write")],
    ["GET /async/calls/:id/result", A_READER, missing("invoke")],
    ["GET /async/calls/:id/result", A_DEPLOYER, "allowed"],
    ["GET /async/calls/:id/result", [{ role: "invoke" }], "allowed"],
    ["GET /async/calls/:id/result", [{ role: "invoke", namespace: "a", function: "f" }], "allowed"],
    ["GET /async/dead-letters/:sequence", [{ role: "invoke", namespace: "a" }], missing("read")],
  ])("%s: to %j %j, until the route knows the namespace", (route, roles, verdict) => {
    expect(decide(route, roles)).toEqual(verdict);
  });
});

describe("the namespace that is meant", () => {
  const read = "GET /system/function/:name";

  test.each<[string, Parts, Access]>([
    ["the default one where none is named", {}, missing("read in namespace home")],
    ["the query's", { query: { namespace: "a" } }, "allowed"],
    ["the body's", { body: { namespace: "a" } }, "allowed"],
    ["that of the name in the path", { params: { name: "f.a" } }, "allowed"],
    ["that of the service's name", { body: { service: "f.a" } }, "allowed"],
    ["that of the function's name", { body: { functionName: "f.a" } }, "allowed"],
    ["that of the name to be scaled", { body: { serviceName: "f.a" } }, "allowed"],
    [
      "the default one for an empty text",
      { query: { namespace: "" } },
      missing("read in namespace home"),
    ],
    [
      "the default one for a dot at the end",
      { params: { name: "f." } },
      missing("read in namespace home"),
    ],
    ["the last part of a name", { params: { name: "f.b.a" } }, "allowed"],
    [
      "not that of a field of another name",
      { body: { image: "f.a" } },
      missing("read in namespace home"),
    ],
    ["not that of a list", { query: { namespace: ["a"] } }, missing("read in namespace home")],
    ["not that of a text for a body", { body: "namespace=a" }, missing("read in namespace home")],
    ["not that of a null", { body: null, query: null }, missing("read in namespace home")],
  ])("is %s", (_what, parts, verdict) => {
    expect(decide(read, A_READER, parts)).toEqual(verdict);
  });

  test.each<[Parts]>([
    [{ query: { namespace: "a" }, body: { namespace: "b" } }],
    [{ query: { namespace: "b" }, body: { namespace: "a" } }],
    [{ params: { name: "f.a" }, query: { namespace: "b" } }],
    [{ params: { name: "f.b" }, query: { namespace: "a" } }],
    [{ body: { namespace: "a", service: "f.b" } }],
    [{ body: { functionName: "f.b", service: "f.a" } }],
  ])("is each that is named: the right is needed in all of %j", (parts) => {
    expect(decide("POST /system/functions", A_DEPLOYER, parts)).toEqual(
      missing("write in namespace b"),
    );
  });

  test.each<[Parts]>([
    [{ query: { namespace: "a" }, body: { namespace: "" } }],
    [{ query: { namespace: "" }, params: { name: "f.a" } }],
    [{ params: { name: "f." }, query: { namespace: "a" } }],
  ])("is not the default one because one of its places is left empty: %j", (parts) => {
    expect(decide(read, A_READER, parts)).toBe("allowed");
    expect(decide(read, HOME_READER, parts)).toEqual(missing("read in namespace a"));
  });

  test("is not read out of the name of a secret, which may have dots", () => {
    const body = { name: "api.key.a" };
    expect(decide("POST /system/secrets", A_DEPLOYER, { body })).toEqual(
      missing("write in namespace home"),
    );
    const elsewhere = { name: "api.key.b", namespace: "a" };
    expect(decide("POST /system/secrets", A_DEPLOYER, { body: elsewhere })).toBe("allowed");
  });

  test("is that of the path where a namespace is described", () => {
    const route = "GET /system/namespace/:namespace";
    expect(decide(route, A_READER, { params: { namespace: "a" } })).toBe("allowed");
    expect(decide(route, A_READER, { params: { namespace: "b" } })).toEqual(
      missing("read in namespace b"),
    );
  });
});

describe("a list", () => {
  const LISTS = ["GET /system/functions", "GET /system/secrets", "GET /system/function-stats"];

  test.each(LISTS)("%s is empty for who may not see the default namespace but looks", (route) => {
    expect(decide(route, A_READER)).toBe("empty");
    expect(decide(route, HOME_READER)).toBe("allowed");
    expect(decide(route, READER)).toBe("allowed");
  });

  test.each(LISTS)(
    "%s is empty for that reader also where the namespace is left empty",
    (route) => {
      expect(decide(route, A_READER, { query: { namespace: "" } })).toBe("empty");
    },
  );

  test.each(LISTS)("%s is refused for a namespace that was asked for", (route) => {
    const query = { namespace: "b" };
    expect(decide(route, A_READER, { query })).toEqual(missing("read in namespace b"));
  });

  test.each<[Role]>([[{ role: "alertmanager" }], [{ role: "invoke" }]])(
    "is refused to %j, who may not even look",
    (role) => {
      expect(decide("GET /system/functions", [role])).toEqual(missing("read in namespace home"));
    },
  );

  test("is what logs are not", () => {
    expect(decide("GET /system/logs", A_READER)).toEqual(missing("read in namespace home"));
  });
});

describe("a role of one namespace", () => {
  test.each([
    "GET /system/info",
    "GET /system/namespaces",
    "GET /system/queue",
    "GET /ui/*",
    "GET /openapi.json",
  ])("is enough for %s", (route) => {
    expect(decide(route, A_READER)).toBe("allowed");
  });

  test("is not enough to administer it", () => {
    const parts = { params: { namespace: "a" } };
    expect(decide("DELETE /system/namespace/:namespace", A_DEPLOYER, parts)).toEqual(
      missing("administer"),
    );
    const admin: Role[] = [{ role: "admin", namespace: "a" }];
    expect(decide("DELETE /system/namespace/:namespace", admin, parts)).toBe("allowed");
    expect(decide("POST /system/namespace/", admin)).toEqual(missing("administer"));
  });
});

test("nobody writes where the role does not reach, wherever namespaces are named", () => {
  const namespace = fc.constantFrom("a", "b", HOME, "");
  const place = fc.constantFrom("query", "body", "params");
  const field = fc.constantFrom("namespace", "name", "service", "functionName", "serviceName");
  const naming = fc.record({ place, field, namespace });
  fc.assert(
    fc.property(fc.array(naming, { maxLength: 5 }), (namings) => {
      const parts: Record<string, Record<string, string>> = {};
      for (const { place: where, field: name, namespace: value } of namings) {
        (parts[where] ??= {})[name] = name === "namespace" ? value : `f.${value}`;
      }
      const named = Object.values(parts)
        .flatMap((fields) => Object.entries(fields))
        .map(([name, value]) => (name === "namespace" ? value : value.slice(2)))
        .filter((value) => value !== "");
      const isOnlyA = named.length > 0 && named.every((value) => value === "a");
      expect(decide("PUT /system/functions", A_DEPLOYER, parts) === "allowed").toBe(isOnlyA);
    }),
  );
});
