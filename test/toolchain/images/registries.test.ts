/** The choice between pulled and assembled images, against real servers on loopback. */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ImageContext } from "../../../toolchain/images/context.ts";
import { areRegistriesOpen } from "../../../toolchain/images/registries.ts";
import { makeContext, removeTemporary } from "./support.ts";

let context: ImageContext;
let reports: string[];
const servers: Server[] = [];

beforeEach(async () => {
  ({ context, reports } = await makeContext());
});

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

afterAll(removeTemporary);

async function serve(answer: (response: ServerResponse) => void) {
  let requests = 0;
  const server = createServer((_request, response) => {
    requests += 1;
    answer(response);
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, url: `http://${host}/v2/`, requests: () => requests };
}

const registry = () =>
  serve((response) => {
    response.writeHead(401, { "docker-distribution-api-version": "registry/2.0" }).end("{}");
  });

describe("areRegistriesOpen", () => {
  test("is so when each answers as a registry does, even if it wants a token", async () => {
    const registries = [(await registry()).url, (await registry()).url];
    expect(await areRegistriesOpen(context, { env: {}, registries })).toBe(true);
    expect(reports).toEqual(["the registries answer, so nodes pull the vendors' images"]);
  });

  test("is not so when one of them is a proxy that refuses, which is said in one line", async () => {
    const proxy = await serve((response) => response.writeHead(403).end("no"));
    const registries = [(await registry()).url, proxy.url];
    expect(await areRegistriesOpen(context, { env: {}, registries })).toBe(false);
    expect(reports).toEqual([
      `assembled here, as no vendor's registry can be reached: ${proxy.host} answers 403 and is no registry`,
    ]);
  });

  test("is not so when nothing listens", async () => {
    const { host, url } = await registry();
    servers.pop()?.close();
    expect(await areRegistriesOpen(context, { env: {}, registries: [url] })).toBe(false);
    expect(reports[0]).toContain(`${host}: connect ECONNREFUSED`);
  });

  test("is not so, within seconds, when a network swallows what is sent", async () => {
    const silent = await serve(() => undefined);
    const begin = Date.now();
    expect(await areRegistriesOpen(context, { env: {}, registries: [silent.url] })).toBe(false);
    expect(Date.now() - begin).toBeLessThan(6000);
    expect(reports[0]).toContain(`${silent.host}: no answer in 3 s`);
  });

  test("is asked once, and the answer holds when the network changes", async () => {
    const { url, requests } = await registry();
    await areRegistriesOpen(context, { env: {}, registries: [url] });
    servers.pop()?.close();
    expect(await areRegistriesOpen(context, { env: {}, registries: [url] })).toBe(true);
    expect(requests()).toBe(1);
    expect(reports).toHaveLength(1);
  });

  test.each([
    ["PLONK_OFFLINE", "1"],
    ["PLONK_MIRROR", "http://127.0.0.1:1"],
  ])("is not so where %s is set, and nobody is asked", async (name, value) => {
    const { url, requests } = await registry();
    const question = { env: { [name]: value }, registries: [url] };
    expect(await areRegistriesOpen(context, question)).toBe(false);
    expect(requests()).toBe(0);
  });

  test("asks where PLONK_OFFLINE is 0", async () => {
    const question = { env: { PLONK_OFFLINE: "0" }, registries: [(await registry()).url] };
    expect(await areRegistriesOpen(context, question)).toBe(true);
  });

  test("keeps no answer of a question that was stopped", async () => {
    const abort = new AbortController();
    const silent = await serve(() => abort.abort());
    const asked = areRegistriesOpen(
      { ...context, signal: abort.signal },
      { env: {}, registries: [silent.url] },
    );
    await expect(asked).rejects.toThrow("aborted");
    const { url } = await registry();
    expect(await areRegistriesOpen(context, { env: {}, registries: [url] })).toBe(true);
  });
});
