/**
 * The functions of the gateway's own store, run in a real containerd by what clients get of the
 * store document alone: the runtime image and the environment.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ImageArtifact } from "../../../contract/index.ts";
import { toOwnStore } from "../../../services/gateway/system/own-store.ts";
import { hostArchitecture } from "../../../toolchain/acquire/session.ts";
import { assembleNodeBase } from "../../../toolchain/images/base.ts";
import { createImageContext } from "../../../toolchain/images/context.ts";
import { PACKAGE_ROOT } from "../../../toolchain/images/package.ts";
import { buildServiceImage } from "../../../toolchain/images/service-image.ts";
import { findFreePort } from "../../support/network.ts";
import { type Containerd, runPod, startContainerd } from "./containerd.ts";
import { getWhenUp, makeContext, makeServices, makeTemporary, removeTemporary } from "./support.ts";

const architecture = hostArchitecture();

let image: ImageArtifact;
let containerd: Containerd | undefined;
let removePod: (() => Promise<void>) | undefined;
const urls: Record<string, string> = {};

beforeAll(async () => {
  const base = await assembleNodeBase(createImageContext());
  const { context } = await makeContext();
  const request = { base, architectures: [architecture] };
  image = await buildServiceImage(context, {
    ...request,
    name: "runtime",
    packageRoot: PACKAGE_ROOT,
  });
  // Something that runs without a function keeps the sandbox.
  const pause = await buildServiceImage(context, {
    ...request,
    name: "gateway",
    packageRoot: await makeServices(),
  });
  containerd = await startContainerd(await makeTemporary(), "plonk.local/gateway:0.1.0");
  for (const each of [image, pause]) {
    await containerd.takeIn(each);
  }
  const containers: Record<string, Record<string, string>> = {};
  for (const { name, environment } of toOwnStore(image.reference).functions) {
    // They share one network here, where each has a pod of its own otherwise.
    const [port, metricsPort] = [await findFreePort(), await findFreePort()];
    containers[name] = { ...environment, port: String(port), metrics_port: String(metricsPort) };
    urls[name] = `http://127.0.0.1:${port}`;
  }
  const logs = await makeTemporary();
  removePod = await runPod(containerd, { image: image.reference, logs, containers });
  await Promise.all(Object.values(urls).map((url) => getWhenUp(`${url}/_/health`)));
}, 600_000);

afterAll(async () => {
  try {
    await removePod?.();
    await containerd?.stop();
  } finally {
    await removeTemporary();
  }
});

async function call(name: string, path = "/", init: RequestInit = {}): Promise<[number, string]> {
  const answer = await fetch(`${urls[name] ?? ""}${path}`, init);
  return [answer.status, await answer.text()];
}

const post = (body: string | Uint8Array<ArrayBuffer>): RequestInit => ({ method: "POST", body });

describe("of the store's functions", () => {
  test("there are those that are tried here, for both platforms of the image", () => {
    const { version, functions } = toOwnStore(image.reference);
    expect([version, Object.keys(urls)]).toEqual([
      "0.2.0",
      ["echo", "nodeinfo", "sleep", "hash", "wordcount"],
    ]);
    for (const { images } of functions) {
      expect(images).toEqual({ x86_64: image.reference, arm64: image.reference });
    }
  });

  test("echo answers with the request", async () => {
    const init = { ...post("ü"), headers: { "x-own": "1" } };
    const [status, text] = await call("echo", "/a%20b?c=d", init);
    expect([status, JSON.parse(text)]).toMatchObject([
      200,
      { method: "POST", path: "/a%20b", query: "?c=d", headers: { "x-own": "1" }, body: "ü" },
    ]);
  });

  test("nodeinfo knows what it runs on", async () => {
    const [status, text] = await call("nodeinfo");
    expect([status, JSON.parse(text)]).toEqual([
      200,
      {
        hostname: expect.any(String),
        architecture: process.arch === "arm64" ? "aarch64" : "x86_64",
        kernel: expect.stringMatching(/^\d+\.\d+/),
        processors: expect.any(Number),
        memoryMiB: expect.any(Number),
        freeMemoryMiB: expect.any(Number),
        uptimeSeconds: expect.any(Number),
        node: process.version,
      },
    ]);
  });

  test("sleep sleeps for as long as it is asked, by the environment otherwise", async () => {
    expect(await call("sleep", "/?seconds=0.001")).toEqual([200, "slept for 0.001 s\n"]);
    expect(await call("sleep")).toEqual([200, "slept for 2 s\n"]);
    for (const seconds of ["", "-1", "1e3", "2000001", "x"]) {
      expect(await call("sleep", `/?seconds=${seconds}`)).toEqual([
        400,
        `seconds: expected a number up to 2000000, got "${seconds}"\n`,
      ]);
    }
  });

  test("hash digests the body, as it is asked, by the environment otherwise", async () => {
    // FIPS 180-4's examples of "abc".
    const digests = {
      sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      sha1: "a9993e364706816aba3e25717850c26c9cd0d89d",
    };
    expect(await call("hash", "/", post("abc"))).toEqual([200, `${digests.sha256}\n`]);
    expect(await call("hash", "/?algorithm=sha1", post("abc"))).toEqual([200, `${digests.sha1}\n`]);
    expect(await call("hash", "/?algorithm=none")).toEqual([
      400,
      'algorithm: expected one such as sha256 or sha512, got "none"\n',
    ]);
  });

  test("wordcount counts what was sent, also what is no text", async () => {
    const count = async (body: string | Uint8Array<ArrayBuffer>): Promise<unknown> =>
      JSON.parse((await call("wordcount", "/", post(body)))[1]);
    expect(await count("one two\nthrée\n")).toEqual({ lines: 2, words: 3, bytes: 15 });
    expect(await count("")).toEqual({ lines: 0, words: 0, bytes: 0 });
    expect(await count(Uint8Array.of(0xff, 0xfe))).toEqual({ lines: 0, words: 1, bytes: 2 });
  });
});
