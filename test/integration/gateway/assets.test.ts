/** The pages' static files: who gets them, with which headers, and what no path leads to. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { TestGateway } from "../../support/gateway.ts";
import { basic, UserFolder } from "../../support/users.ts";

const SCRIPT = `console.log(${JSON.stringify("x".repeat(2000))});\n`;
const FILES = {
  "ui/index.html": "<!doctype html><title>page</title>",
  "ui/assets/index-Ab3_-x9Z.js": SCRIPT,
  "ui/assets/plain.css": "a{}",
  "ui/icon.svg": "<svg/>",
  "ui/unknown.xyz": "?",
  "secret.txt": "not for anybody",
};

const folder = mkdtempSync(join(tmpdir(), "plonk-assets-"));
const users = new UserFolder();
let gateway: TestGateway;

beforeAll(async () => {
  mkdirSync(join(folder, "ui", "assets"), { recursive: true });
  for (const [file, content] of Object.entries(FILES)) {
    writeFileSync(join(folder, file), content);
  }
  gateway = await TestGateway.start({
    assets_directory: folder,
    basic_auth: "true",
    secret_mount_path: users.path,
  });
});

afterAll(async () => {
  await gateway.stop();
  users.remove();
  rmSync(folder, { recursive: true });
});

interface Init {
  method?: string;
  headers?: Record<string, string>;
}

async function get(path: string, init: Init = {}): Promise<Response> {
  const headers = { authorization: basic("admin", "admin-password"), ...init.headers };
  const signal = AbortSignal.timeout(60_000);
  return await fetch(`${gateway.url}${path}`, { redirect: "manual", ...init, headers, signal });
}

/** As it is written: `fetch` would clean the path. */
async function getRaw(path: string): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(gateway.url);
  const headers = { authorization: basic("admin", "admin-password") };
  return await new Promise((resolve, reject) => {
    request({ hostname, port, path, headers, timeout: 5000 }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    })
      .on("error", reject)
      .end();
  });
}

describe("the way to the page", () => {
  test("leads from the root, with the statuses of OpenFaaS and without a login", async () => {
    const path = `${gateway.url}/`;
    const init = { redirect: "manual", signal: AbortSignal.timeout(60_000) } as const;
    const found = await fetch(path, init);
    expect([found.status, found.headers.get("location")]).toEqual([301, "/ui/"]);
    const head = await fetch(path, { ...init, method: "HEAD" });
    expect([head.status, head.headers.get("location")]).toEqual([307, "/ui/"]);
    expect((await fetch(path, { ...init, method: "POST" })).status).toBe(405);
  });

  test("leads from /ui to its folder", async () => {
    const found = await get("/ui");
    expect([found.status, found.headers.get("location")]).toEqual([301, "/ui/"]);
  });

  test("asks for a login", async () => {
    for (const path of ["/ui/", "/ui/index.html", "/ui/assets/plain.css", "/ui/nothing"]) {
      const found = await get(path, { headers: { authorization: "" } });
      expect([path, found.status]).toEqual([path, 401]);
      expect(found.headers.get("www-authenticate")).toMatch(/^Basic /);
    }
  });
});

describe("a file", () => {
  test("has its type, and is not guessed otherwise", async () => {
    const types = await Promise.all(
      ["", "assets/index-Ab3_-x9Z.js", "assets/plain.css", "icon.svg", "unknown.xyz"].map(
        async (file) => (await get(`/ui/${file}`)).headers,
      ),
    );
    expect(types.map((headers) => headers.get("content-type"))).toEqual([
      "text/html; charset=utf-8",
      "text/javascript; charset=utf-8",
      "text/css; charset=utf-8",
      "image/svg+xml",
      "application/octet-stream",
    ]);
    types.forEach((headers) => expect(headers.get("x-content-type-options")).toBe("nosniff"));
  });

  test("runs nothing but the page's own scripts, and is shown in no frame", async () => {
    const { headers } = await get("/ui/");
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy.split(";")).toEqual(
      expect.arrayContaining([
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
      ]),
    );
    expect(policy).not.toContain("unsafe");
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  });

  test("is kept for good where its name has a hash, and asked for anew where not", async () => {
    const kept = await get("/ui/assets/index-Ab3_-x9Z.js");
    expect(kept.headers.get("cache-control")).toBe("private, max-age=31536000, immutable");
    for (const path of ["/ui/", "/ui/index.html", "/ui/assets/plain.css"]) {
      expect((await get(path)).headers.get("cache-control")).toBe("no-cache");
    }
  });

  test("is not sent again to whoever has it", async () => {
    const etag = (await get("/ui/")).headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[-_\w]{22}"$/);
    const again = await get("/ui/", { headers: { "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    expect(again.headers.get("etag")).toBe(etag);
    const other = await get("/ui/", { headers: { "if-none-match": '"other"' } });
    expect([other.status, await other.text()]).toEqual([200, FILES["ui/index.html"]]);
  });

  test("is compressed for whoever can read that, with a tag of its own", async () => {
    const path = "/ui/assets/index-Ab3_-x9Z.js";
    const plain = await get(path, { headers: { "accept-encoding": "identity" } });
    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(await plain.text()).toBe(SCRIPT);
    const small = await get(path, { headers: { "accept-encoding": "br, gzip;q=0.5" } });
    expect(small.headers.get("content-encoding")).toBe("gzip");
    expect(small.headers.get("vary")).toBe("accept-encoding");
    expect(Number(small.headers.get("content-length"))).toBeLessThan(200);
    expect(await small.text()).toBe(SCRIPT);
    expect(small.headers.get("etag")).not.toBe(plain.headers.get("etag"));
    const refused = await get(path, { headers: { "accept-encoding": "gzip;q=0" } });
    expect(refused.headers.get("content-encoding")).toBeNull();
  });

  test("has no body for HEAD, and takes no other method", async () => {
    const head = await get("/ui/", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(head.headers.get("content-length")).toBe(String(FILES["ui/index.html"].length));
    for (const method of ["POST", "PUT", "DELETE"]) {
      expect((await get("/ui/", { method })).status).toBe(405);
    }
  });
});

describe("a path that leads nowhere", () => {
  test.each([
    "/ui/nothing.js",
    "/ui/assets",
    "/ui/assets/",
    "/ui//etc/passwd",
    "/ui/../secret.txt",
    "/ui/..%2fsecret.txt",
    "/ui/%2e%2e/secret.txt",
    "/ui/%2e%2e%2fsecret.txt",
    "/ui/..\\secret.txt",
    "/ui/..%5csecret.txt",
    "/ui/assets/..%2f..%2fsecret.txt",
    "/ui/%00",
    "/ui/index.html%00.js",
    "/ui/constructor",
    "/ui/__proto__",
  ])("%s is not found, or cleaned to what is not", async (path) => {
    const { status, body } = await getRaw(path);
    expect([301, 400, 404]).toContain(status);
    expect(body).not.toContain(FILES["secret.txt"]);
    expect(body).not.toContain("<title>");
  });
});

test("a gateway without the files starts, and says what it expected", async () => {
  const missing = join(folder, "missing");
  const bare = await TestGateway.start({ assets_directory: missing });
  try {
    const found = await fetch(`${bare.url}/ui/`, { signal: AbortSignal.timeout(60_000) });
    expect(found.status).toBe(503);
    expect(await found.text()).toBe(
      `assets_directory: expected the files of the page, got no index.html in ${missing}/ui`,
    );
    // They may come later, e.g. by a build.
    mkdirSync(join(missing, "ui"), { recursive: true });
    writeFileSync(join(missing, "ui", "index.html"), "now");
    const later = await fetch(`${bare.url}/ui/`, { signal: AbortSignal.timeout(60_000) });
    expect(await later.text()).toBe("now");
  } finally {
    await bare.stop();
  }
});
