/** What holds for every route of the gateway's own API, also for those that are still to come. */
import { METHODS } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RouteOptions } from "fastify";
import { outcomeOf, SystemWorld } from "../../../support/system-app.ts";

/** In the place of a route's parameters. */
const VALUES: Readonly<Record<string, string>> = {
  ":name": "f",
  ":namespace": "fn",
  ":id": "1-AAAAAAAAAAAAAAAA",
  ":sequence": "1",
  "*": "index.html",
};

/** Anybody may ask these. */
const OPEN = ["/", "/healthz", "/store"];

/** Methods that change nothing. */
const SAFE = ["GET", "HEAD", "OPTIONS"];

interface Route {
  method: string;
  path: string;
}

const routes: Route[] = [];
/** Methods by path. */
const allowed = new Map<string, Set<string>>();
let world: SystemWorld;

function note({ method, url, config }: RouteOptions): void {
  if ((config as { isRefusal?: boolean } | undefined)?.isRefusal === true) {
    return;
  }
  const path = url.replaceAll(/:\w+|\*/g, (part) => VALUES[part] ?? part);
  const methods = [method].flat() as string[];
  methods.forEach((each) => routes.push({ method: each, path }));
  allowed.set(path, new Set([...(allowed.get(path) ?? []), ...methods]));
}

beforeAll(async () => {
  world = await SystemWorld.create({ onRoute: note });
});

afterAll(() => world.close());

const closed = (): Route[] => routes.filter(({ path }) => !OPEN.includes(path));
const asked = ({ method, path }: Route): string => `${method} ${path}`;
const withBody = ({ method }: Route) =>
  SAFE.includes(method) ? {} : { payload: "{}", headers: { "content-type": "application/json" } };

/** Outcomes of all routes, by those that have another one than is expected. */
async function exceptions(
  of: readonly Route[],
  ask: (route: Route) => Promise<string>,
  expected: (outcome: string) => boolean,
): Promise<string[]> {
  const outcomes = await Promise.all(of.map(async (route) => [asked(route), await ask(route)]));
  return outcomes.filter(([, outcome = ""]) => !expected(outcome)).map((pair) => pair.join(": "));
}

test("there are routes, each once", () => {
  expect(routes.length).toBeGreaterThan(30);
  expect(new Set(routes.map(asked)).size).toBe(routes.length);
});

describe("every route", () => {
  test("is closed to who is not known, but for the way to the page, the health and the store", async () => {
    const found = await exceptions(
      closed(),
      async (route) => {
        const answer = await world.ask(asked(route), "stranger", withBody(route));
        return `${outcomeOf(answer)} ${String(answer.headers["www-authenticate"])}`;
      },
      (outcome) => outcome === '401 PLONK_UNAUTHORIZED Basic realm="Restricted"',
    );
    expect(found).toEqual([]);
  });

  test("does nothing for who has no role", async () => {
    const found = await exceptions(
      closed(),
      async (route) => outcomeOf(await world.ask(asked(route), "nobody", withBody(route))),
      // What is wrong in itself is found before.
      (outcome) => ["403 PLONK_FORBIDDEN", "400 PLONK_BAD_REQUEST"].includes(outcome),
    );
    expect(found).toEqual([]);
  });

  test("is open to Alertmanager only where it has to be", async () => {
    const found = await exceptions(
      closed(),
      async (route) => outcomeOf(await world.ask(asked(route), "alerts", withBody(route))),
      (outcome) => ["403 PLONK_FORBIDDEN", "400 PLONK_BAD_REQUEST"].includes(outcome),
    );
    expect(found).toEqual(["POST /system/alert: 400"]);
  });

  test("that changes something does so for no page of another site", async () => {
    const found = await exceptions(
      routes.filter(({ method }) => !SAFE.includes(method)),
      async (route) => {
        const { headers, ...rest } = withBody(route);
        const cross = { ...headers, "sec-fetch-site": "cross-site" };
        return outcomeOf(await world.ask(asked(route), "admin", { ...rest, headers: cross }));
      },
      (outcome) => outcome === "403 PLONK_CROSS_SITE",
    );
    expect(found).toEqual([]);
  });

  test("refuses the methods that it does not have, and says which it has", async () => {
    const known = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]);
    const others = [...allowed].flatMap(([path, methods]) =>
      METHODS.filter((method) => known.has(method) && !methods.has(method)).map((method) => ({
        method,
        path,
      })),
    );
    const found = await exceptions(
      others,
      async (route) => {
        const answer = await world.ask(asked(route));
        const expected = [...(allowed.get(route.path) ?? [])].sort().join(", ");
        return answer.headers.allow === expected ? String(answer.statusCode) : "another Allow";
      },
      (outcome) => outcome === "405",
    );
    expect(others.length).toBeGreaterThan(100);
    expect(found).toEqual([]);
  });

  test("answers with the headers by which a browser takes nothing for more than it is", async () => {
    const HEADERS = {
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
    };
    for (const who of ["admin", "nobody", "stranger"]) {
      const found = await exceptions(
        routes,
        async (route) => {
          const { headers } = await world.ask(asked(route), who, withBody(route));
          const policy = String(headers["content-security-policy"]);
          const isStrict =
            policy.includes("default-src 'none'") && policy.includes("frame-ancestors 'none'");
          const isThere = Object.entries(HEADERS).every(([name, value]) => headers[name] === value);
          return isStrict && isThere ? "all" : JSON.stringify(headers);
        },
        (outcome) => outcome === "all",
      );
      expect(found).toEqual([]);
    }
  });

  test("says what went wrong by code, sentence and call id, and nothing of a stack", async () => {
    const found = await exceptions(
      closed().filter(({ method }) => method !== "HEAD"),
      async (route) => {
        const options = withBody(route);
        const headers = { ...options.headers, "x-call-id": "call-1" };
        const answer = await world.ask(asked(route), "nobody", { ...options, headers });
        const { code, message, callId, ...others } = answer.json<Record<string, string>>();
        const isWhole = answer.headers["x-plonk-code"] === code && (message ?? "").length > 8;
        return isWhole && callId === "call-1" && Object.keys(others).length === 0
          ? "whole"
          : answer.body;
      },
      (outcome) => outcome === "whole",
    );
    expect(found).toEqual([]);
  });
});

describe("a path that there is not", () => {
  const PATHS = [
    "/system",
    "/system/functions/",
    "/async",
    "/uix",
    "/docs2/",
    "/openapi.json/",
    "//",
  ];

  test.each(PATHS)("is 404 in the words of Go's router: %s", async (path) => {
    const answer = await world.ask(`GET ${path}`, "nobody", { headers: { accept: "*/*" } });
    expect([answer.statusCode, answer.body]).toEqual([404, "404 page not found\n"]);
  });

  test("is not told to who is not known", async () => {
    expect(outcomeOf(await world.ask("GET /system/nothing", "stranger"))).toBe(
      "401 PLONK_UNAUTHORIZED",
    );
  });
});

describe("who has no role in the default namespace, but in another", () => {
  test.each([
    ["GET /system/functions", "200", "[]"],
    ["GET /system/functions?namespace=team", "200", "[]"],
    ["GET /system/function-stats", "200", "[]"],
    ["GET /system/namespaces", "200", '["team"]'],
  ])("asks %s: %s %s", async (what, outcome, body) => {
    const answer = await world.ask(what, "team");
    expect([outcomeOf(answer), answer.body]).toEqual([outcome, body]);
  });

  test.each([
    "GET /system/functions?namespace=fn",
    "GET /system/function/f",
    "GET /system/function/f?namespace=team&namespace=fn",
    "GET /system/logs?name=f.fn",
    "GET /system/secrets?namespace=fn",
    "GET /async/calls?function=f.fn",
    "DELETE /async/dead-letters",
  ])("may not ask %s", async (what) => {
    expect(outcomeOf(await world.ask(what, "team"))).toMatch(/^40[03] /);
  });
});
