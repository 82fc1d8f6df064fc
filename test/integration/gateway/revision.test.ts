/** Which commit the gateway of an image says that it is of, as OpenFaaS' conformance test asks. */
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { bundleService } from "../../../toolchain/images/bundle.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { GatewayProcess } from "../../support/gateway-process.ts";
import {
  makeContext,
  makeTemporary,
  removeTemporary,
  writeFiles,
} from "../../toolchain/images/support.ts";

const ROOT = join(import.meta.dirname, "../../..");
const REVISION = "0123456789abcdef0123456789abcdef01234567";

const atEnd = collectCleanups(afterAll);
let gateway: GatewayProcess;

beforeAll(async () => {
  atEnd(removeTemporary);
  // The sources of this checkout, in a package that knows its commit.
  const packageRoot = await makeTemporary();
  await writeFiles(packageRoot, { "package.json": `{"name":"plonk","revision":"${REVISION}"}` });
  await symlink(join(ROOT, "services"), join(packageRoot, "services"));
  const { context } = await makeContext();
  const { file } = await bundleService(context, { name: "gateway", packageRoot });
  const fake = new FakeKubernetes();
  const client = await fake.start();
  atEnd(() => fake.stop());
  atEnd(() => client.close());
  gateway = await GatewayProcess.start(fake, { main: file });
  atEnd(() => gateway.stop());
});

test("the bundle of an image is of the commit that it was made of", async () => {
  const answer = await fetch(`${gateway.url}/system/info`);
  expect(await answer.json()).toMatchObject({
    provider: { provider: "plonk", version: { sha: REVISION }, orchestration: "kubernetes" },
    version: { sha: REVISION },
  });
});

test("its metrics say so, too", async () => {
  const answer = await fetch(`http://127.0.0.1:${gateway.metricsPort}/metrics`);
  expect(await answer.text()).toContain(`revision="${REVISION}"`);
});
