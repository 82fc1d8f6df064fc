/** The gateway's own store, as users of OpenFaaS' faas-cli have it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { StoreDocument } from "../../../contract/index.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FUNCTIONS, TestGateway } from "../../support/gateway.ts";
import { type Ended, FaasCli } from "../../support/openfaas-clients.ts";

const RUNTIME = "registry.example/runtime:1@sha256:abc";
const PASSWORD = "correct-horse";

/** For the compiler, where nothing has been built yet. */
const BUILD_MS = 600_000;

const atEnd = collectCleanups(afterAll);
let gateway: TestGateway;
let cli: FaasCli;

beforeAll(async () => {
  const secrets = mkdtempSync(join(tmpdir(), "plonk-store-"));
  atEnd(() => rmSync(secrets, { recursive: true }));
  writeFileSync(join(secrets, "basic-auth-user"), "admin");
  writeFileSync(join(secrets, "basic-auth-password"), PASSWORD);
  gateway = await TestGateway.start({
    basic_auth: "true",
    secret_mount_path: secrets,
    runtime_image: RUNTIME,
  });
  atEnd(() => gateway.stop());
  cli = await FaasCli.create();
  atEnd(() => cli.remove());
  expect((await run("login --username admin --password-stdin", PASSWORD)).code).toBe(0);
}, BUILD_MS);

/** Blanks part the arguments. */
function run(line: string, input = ""): Promise<Ended> {
  return cli.run(line.split(" "), { gateway: gateway.url, input });
}

function stored(name: string): unknown {
  return gateway.fake.objects.get(`${FUNCTIONS}/${name}`)?.["spec"];
}

describe("faas-cli store", () => {
  test("lists the gateway's store, and shows one of its functions, without a login", async () => {
    const stranger = await FaasCli.create();
    atEnd(() => stranger.remove());
    const ask = (line: string): Promise<Ended> => stranger.run(line.split(" "));
    const list = await ask(`store list --url ${gateway.url}/store`);
    expect([list.code, list.stdout]).toEqual([
      0,
      expect.stringMatching(/^\nFUNCTION +DESCRIPTION\nEcho +Answers with the request: /),
    ]);
    for (const platform of ["x86_64", "arm64"]) {
      const url = `--url ${gateway.url}/store --platform ${platform}`;
      const { stdout } = await ask(`store inspect hash ${url}`);
      expect(stdout.replaceAll(/ +/g, " ")).toContain(
        `Info for: Hash\n\nName hash\nDescription Answers with the digest of the body, ...\nImage ${RUNTIME}\n`,
      );
    }
    expect((await ask(`store list --url ${gateway.url}/store --platform armhf`)).stdout).toMatch(
      /^No functions found in the store for platform 'armhf', try one of the following: /,
    );
  });

  test("deploys each function of the gateway's store as its document has it", async () => {
    const answer = await fetch(`${gateway.url}/store`);
    const { functions } = (await answer.json()) as StoreDocument;
    expect(functions).toHaveLength(5);
    for (const [index, { name, title, environment }] of functions.entries()) {
      // By its name or its title.
      const what = index % 2 === 0 ? name : title;
      const args = ["store", "deploy", what, "--url", `${gateway.url}/store`];
      expect(await cli.run(args, { gateway: gateway.url })).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("Deployed. 202 Accepted."),
      });
      expect(stored(name)).toEqual({
        ...{ name, image: RUNTIME, environment, readOnlyRootFilesystem: true },
        // As faas-cli sends them.
        ...{ labels: {}, annotations: {} },
      });
      expect((await run(`remove ${name}`)).code).toBe(0);
    }
  });

  test("deploys from the store under another name, with more than the document has", async () => {
    const flags = "--name of-mine --env hash_algorithm=sha1 --env more=1 --label team=a";
    const source = `--url ${gateway.url}/store --platform arm64`;
    expect((await run(`store deploy wordcount ${source} ${flags}`)).code).toBe(0);
    expect(stored("of-mine")).toEqual({
      name: "of-mine",
      image: RUNTIME,
      environment: {
        PLONK_FUNCTION_MODULE: "/app/functions/wordcount.mjs",
        hash_algorithm: "sha1",
        more: "1",
      },
      labels: { team: "a" },
      annotations: {},
      readOnlyRootFilesystem: true,
    });
    expect((await run("remove of-mine")).code).toBe(0);
    expect(await run(`store deploy none ${source}`)).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("Function 'none' not found for platform 'arm64'"),
    });
  });
});
