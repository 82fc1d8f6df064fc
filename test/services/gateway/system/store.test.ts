/** `/store` of a gateway, whoever asks. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { StoreDocument } from "../../../../contract/index.ts";
import { isValid } from "../../../../contract/schema-findings.ts";
import { failures } from "../../../../services/gateway/errors.ts";
import { createStore, type StoreSource } from "../../../../services/gateway/system/store.ts";
import { createKeptLog } from "../../../support/logs.ts";
import { outcomeOf, SystemWorld } from "../../../support/system-app.ts";

const { logger } = createKeptLog();

let world: SystemWorld;

async function create(source: StoreSource, runtimeImage?: string): Promise<void> {
  world = await SystemWorld.create({ store: createStore(source, { runtimeImage, logger }) });
}

afterEach(() => world.close());

describe("the gateway's own store", () => {
  test("is a valid document of functions that run on the runtime image", async () => {
    await create("own", "registry/runtime:1");
    const answer = await world.ask("GET /store", "");
    const document = answer.json<StoreDocument>();
    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(isValid(StoreDocument, document)).toBe(true);
    expect(document.functions.find(({ name }) => name === "hash")).toEqual({
      name: "hash",
      title: "Hash",
      description: "Answers with the digest of the body, by ?algorithm=sha512 or hash_algorithm",
      images: { x86_64: "registry/runtime:1", arm64: "registry/runtime:1" },
      readOnlyRootFilesystem: true,
      environment: {
        PLONK_FUNCTION_MODULE: "/app/functions/hash.mjs",
        hash_algorithm: "sha256",
      },
    });
  });

  test("is empty without a runtime image", async () => {
    await create("own");
    expect((await world.ask("GET /store")).json()).toEqual({ version: "0.2.0", functions: [] });
  });

  test("is for everybody, also for those whose credentials are wrong", async () => {
    await create("own");
    const outcomes = ["", "stranger", "nobody", "alerts", "admin"].map(async (who) =>
      outcomeOf(await world.ask("GET /store?x", who)),
    );
    expect(await Promise.all(outcomes)).toEqual(["200", "200", "200", "200", "200"]);
  });

  test("is kept by clients, which ask whether it is still the same", async () => {
    await create("own", "registry/runtime:1");
    const { headers, body } = await world.ask("GET /store", "");
    const etag = String(headers.etag);
    expect(headers["cache-control"]).toBe("public, max-age=60");
    expect(etag).toMatch(/^"[-_A-Za-z0-9]{22}"$/);
    const ask = (tag: string, method = "GET") =>
      world.ask(`${method} /store`, "", { headers: { "if-none-match": tag } });
    const same = await ask(etag);
    expect([same.statusCode, same.body, same.headers.etag]).toEqual([304, "", etag]);
    expect((await ask('"another"')).body).toBe(body);
    const head = await ask('"another"', "HEAD");
    expect([head.statusCode, head.body, head.headers["content-length"]]).toEqual([
      200,
      "",
      String(Buffer.byteLength(body)),
    ]);
    await world.close();
    await create("own", "registry/runtime:2");
    expect((await ask(etag)).statusCode).toBe(200);
  });

  test("is only read", async () => {
    await create("own");
    for (const method of ["POST", "PUT", "DELETE"]) {
      const answer = await world.ask(`${method} /store`, "");
      expect([method, answer.statusCode, answer.headers.allow]).toEqual([method, 405, "GET, HEAD"]);
    }
  });
});

test("a gateway without a store says so", async () => {
  await create("off", "registry/runtime:1");
  const answer = await world.ask("GET /store", "");
  expect([outcomeOf(answer), answer.json()]).toMatchObject([
    "404 PLONK_NO_STORE",
    { code: "PLONK_NO_STORE", message: "store: this gateway has none" },
  ]);
});

test("a source that fails is told about, and when to ask again", async () => {
  const failure = failures.storeFailed("status 404");
  const store = { read: () => Promise.resolve({ failure }), close: () => Promise.resolve() };
  world = await SystemWorld.create({ store });
  const answer = await world.ask("GET /store", "", { headers: { accept: "*/*" } });
  expect([outcomeOf(answer), answer.headers["retry-after"], answer.body]).toEqual([
    "502 PLONK_STORE_FAILED",
    "30",
    "store: expected a store document from its source, got status 404",
  ]);
  expect(world.log.text()).toBe("");
});
