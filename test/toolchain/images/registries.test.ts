/** The choice between pulled and assembled images, against real servers on loopback. */
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ImageContext } from "../../../toolchain/images/context.ts";
import {
  areRegistriesOpen,
  describeRegistries,
  toApiRoots,
} from "../../../toolchain/images/registries.ts";
import { readRegistryMirror } from "../../../toolchain/images/registry-mirror.ts";
import type { PinnedImage } from "../../../toolchain/images/versions.ts";
import { FakeClock } from "../acquire/support/clock.ts";
import { makeContext, removeTemporary } from "./support.ts";

let context: ImageContext;
let reports: string[];
let clock: FakeClock;
const servers: Server[] = [];

beforeEach(async () => {
  ({ context, reports } = await makeContext());
  clock = new FakeClock();
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
  return { host, url: `http://${host}/v2/`, requests: () => requests, server };
}

function answerAsRegistry(response: ServerResponse): void {
  response.writeHead(401, { "docker-distribution-api-version": "registry/2.0" }).end("{}");
}

const registry = () => serve(answerAsRegistry);

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 28);

/** Asks at a moment, hours after the first, with a clock that moves by its pauses alone. */
async function ask(registries: readonly string[], hours = 0, env = {}): Promise<boolean> {
  const today = (): number => NOW + hours * HOUR;
  return await areRegistriesOpen(context, { env, registries, clock, today, timeout: 60_000 });
}

const describeNow = (env = {}): Promise<string> => describeRegistries(context.images, env);

describe("areRegistriesOpen", () => {
  test("is so when each answers as a registry does, even if it wants a token", async () => {
    expect(await describeNow()).toBe("registries: not checked yet");
    expect(await ask([(await registry()).url, (await registry()).url])).toBe(true);
    expect(reports).toEqual([
      "the registries are reachable, so third-party images are the vendors' own",
    ]);
    expect(await describeNow()).toBe(
      "registries: open, asked 2026-11-28T00:00:00.000Z: " +
        "the registries are reachable, so third-party images are the vendors' own",
    );
  });

  test("is not so when one of them is a proxy that refuses, which is said in one line", async () => {
    const proxy = await serve((response) => response.writeHead(403).end("no"));
    expect(await ask([(await registry()).url, proxy.url])).toBe(false);
    const why = `third-party images are assembled locally, as registries are unreachable: ${proxy.host} answers 403 and is no registry`;
    expect(reports).toEqual([why]);
    expect(clock.pauses).toEqual([1000, 2000]);
    expect(await describeNow()).toBe(`registries: closed, asked 2026-11-28T00:00:00.000Z: ${why}`);
  });

  test("is so when they answer a moment later", async () => {
    let left = 2;
    const late = await serve((response) => {
      left -= 1;
      if (left < 0) {
        answerAsRegistry(response);
      } else {
        response.destroy();
      }
    });
    expect(await ask([late.url])).toBe(true);
    expect(clock.pauses).toEqual([1000, 2000]);
  });

  test("is not so when nothing listens", async () => {
    const { host, url } = await registry();
    servers.pop()?.close();
    expect(await ask([url])).toBe(false);
    expect(reports[0]).toContain(`${host}: connect ECONNREFUSED`);
  });

  test("is not so when a network swallows what is sent", async () => {
    const silent = await serve(() => undefined);
    const registries = [silent.url];
    expect(await areRegistriesOpen(context, { env: {}, registries, clock, timeout: 100 })).toBe(
      false,
    );
    expect(reports[0]).toContain(`${silent.host}: no answer in 0.1 s`);
  });

  test.each([
    ["PLONK_OFFLINE", "1", false],
    ["PLONK_OFFLINE", "0", true],
  ])("is decided where %s is %s, and nobody is asked", async (name, value, isOpen) => {
    const { url, requests } = await registry();
    expect(await ask([url], 0, { [name]: value })).toBe(isOpen);
    expect(requests()).toBe(0);
    expect(await describeNow({ [name]: value })).toBe(
      `registries: ${isOpen ? "open" : "closed"}, as PLONK_OFFLINE=${value} says`,
    );
  });

  test("is asked where there is a mirror of downloads", async () => {
    const { url } = await registry();
    expect(await ask([url], 0, { PLONK_MIRROR: "http://127.0.0.1:1" })).toBe(true);
  });

  test("keeps no answer of a question that was stopped", async () => {
    const abort = new AbortController();
    const silent = await serve(() => abort.abort());
    const asked = areRegistriesOpen(
      { ...context, signal: abort.signal },
      { env: {}, registries: [silent.url], clock },
    );
    await expect(asked).rejects.toThrow("aborted");
    expect(await ask([(await registry()).url])).toBe(true);
  });
});

describe("the answer", () => {
  test("holds for a day, also when the network changes", async () => {
    const { url, requests } = await registry();
    await ask([url]);
    servers.pop()?.close();
    expect(await ask([url], 23)).toBe(true);
    expect(requests()).toBe(1);
    expect(reports).toHaveLength(1);
  });

  test("that they are closed ends after a day", async () => {
    let isClosed = true;
    const opening = await serve((response) => {
      if (isClosed) {
        response.destroy();
      } else {
        answerAsRegistry(response);
      }
    });
    expect(await ask([opening.url])).toBe(false);
    isClosed = false;
    expect(await ask([opening.url], 23)).toBe(false);
    expect(await ask([opening.url], 24)).toBe(true);
  });

  test("that they are open outlives silence of less than a week", async () => {
    const { host, url } = await registry();
    await ask([url]);
    const server = servers.pop();
    server?.closeAllConnections();
    server?.close();
    expect(await ask([url], 30)).toBe(true);
    expect(await ask([url], 6 * 24)).toBe(true);
    expect(reports).toHaveLength(2);
    expect(reports[1]).toMatch(
      new RegExp(
        `^unreachable \\(${host}: .*\\); third-party images stay the vendors' until 2026-12-05$`,
      ),
    );
    expect(await ask([url], 8 * 24)).toBe(false);
  });

  test("is of other registries when others are asked", async () => {
    const { url, requests } = await registry();
    await ask([url]);
    const other = await registry();
    await ask([other.url]);
    expect([requests(), other.requests()]).toEqual([1, 1]);
  });

  test("of an earlier version, without a date, is asked for again", async () => {
    const { url, requests } = await registry();
    await mkdir(context.images, { recursive: true });
    await writeFile(join(context.images, "registries.json"), '{"isOpen":false,"why":"old"}');
    expect(await ask([url])).toBe(true);
    expect(requests()).toBe(1);
  });
});

describe("the registries", () => {
  const image = (name: string): PinnedImage => ({ name, tag: "1", digest: "" });

  test("are those in the images' names, each once", () => {
    const images = [
      "gcr.io/a/b",
      "docker.io/library/c",
      "docker.io/d/e",
      "localhost:5000/f",
      "127.0.0.1:1/g",
    ].map(image);
    expect(toApiRoots(images, {})).toEqual([
      "http://127.0.0.1:1/v2/",
      "http://localhost:5000/v2/",
      "https://gcr.io/v2/",
      "https://registry-1.docker.io/v2/",
    ]);
  });

  test("are all in the mirror's place", () => {
    const registryMirror = readRegistryMirror({ PLONK_REGISTRY_MIRROR: "http://mirror:5000/a/" });
    expect(registryMirror).toEqual({
      prefix: "mirror:5000/a",
      isPlain: true,
      apiRoot: "http://mirror:5000/v2/",
    });
    expect(toApiRoots([image("gcr.io/a/b")], { registryMirror })).toEqual([
      "http://mirror:5000/v2/",
    ]);
    expect(readRegistryMirror({ PLONK_REGISTRY_MIRROR: "" })).toBeUndefined();
    expect(readRegistryMirror({ PLONK_REGISTRY_MIRROR: "https://mirror" })).toMatchObject({
      prefix: "mirror",
      isPlain: false,
    });
  });

  test.each(["mirror.example", "ftp://mirror", "https://a:b@mirror", "https://mirror?x=1"])(
    "cannot be mirrored at %s",
    (url) => {
      expect(() => readRegistryMirror({ PLONK_REGISTRY_MIRROR: url })).toThrow(
        /^PLONK_REGISTRY_MIRROR: expected an http or https URL without user and query .*, got something else$/,
      );
    },
  );
});
