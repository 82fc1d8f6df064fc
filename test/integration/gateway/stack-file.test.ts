/** One stack file, by `faas-cli deploy` and by `StackFile`: the Functions say the same. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { StackFile } from "../../../components/index.ts";
import { stackText } from "../../cli/stack-program/stack-text.ts";
import { STACKS } from "../../cli/stack-program/stacks.ts";
import { recordRegistrations, valueOf } from "../../components/support/mocks.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FUNCTIONS, TestGateway } from "../../support/gateway.ts";
import { FaasCli } from "../../support/openfaas-clients.ts";
import { runs } from "../../support/property-runs.ts";

/** For the compiler, where nothing has been built yet. */
const BUILD_MS = 600_000;

const atEnd = collectCleanups(afterAll);
const all = recordRegistrations();

const NAMESPACES = "/api/v1/namespaces";

type Variables = Record<string, string>;

let gateway: TestGateway;
let cli: FaasCli;
let folder: string;

beforeAll(async () => {
  gateway = await TestGateway.start({ cluster_scope: "true" });
  atEnd(() => gateway.stop());
  for (const name of ["dev", "team-a"]) {
    gateway.fake.put(NAMESPACES, { metadata: { name, annotations: { openfaas: "1" } } });
  }
  cli = await FaasCli.create();
  atEnd(() => cli.remove());
  folder = mkdtempSync(join(tmpdir(), "plonk-same-stack-"));
  atEnd(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "env"));
  for (const name of ["first", "second", "prod"]) {
    const text = `environment: { ${name.toUpperCase()}: yes, MODE: ${name}, RAW: "\${TAG}" }`;
    writeFileSync(join(folder, `env/${name}.yml`), text);
  }
  atEnd(() => pulumi.runtime.disconnect());
}, BUILD_MS);

type Spec = Record<string, unknown>;

/**
 * Without lists and maps that are empty, and a flag that is not set: they say nothing. faas-cli
 * writes the tag of an image that has none.
 */
function toSaid(spec: Spec): Spec {
  const fields = Object.entries(spec).filter(([, value]) =>
    typeof value === "object" && value !== null ? Object.keys(value).length > 0 : value !== false,
  );
  return { ...Object.fromEntries(fields), image: String(spec["image"]).replace(/:latest$/, "") };
}

let count = 0;

/** What `StackFile` declares, by the place on the API server. */
async function declare(file: string, variables: Variables): Promise<Record<string, Spec>> {
  count += 1;
  const first = all.length;
  const platform = {
    gatewayUrl: gateway.url,
    functionNamespace: "openfaas-fn",
    runtimeImage: "plonk.local/runtime:1",
  };
  // Names are compared within a cluster: each file is for one of its own.
  const provider = new k8s.Provider(`cluster-${count}`, { kubeconfig: "{}" });
  const stack = new StackFile(`stack-${count}`, { platform, file, variables }, { provider });
  await valueOf(stack.urls);
  const functions = all.slice(first).filter(({ type }) => type.endsWith("/v1:Function"));
  return Object.fromEntries(
    functions.map(({ inputs }) => {
      const { metadata, spec } = inputs as { metadata: { namespace: string }; spec: Spec };
      return [`${metadata.namespace}/${String(spec["name"])}`, toSaid(spec)];
    }),
  );
}

/** What the gateway has written for `faas-cli deploy`; the functions are removed again. */
async function deploy(file: string, variables: Variables): Promise<Record<string, Spec>> {
  const options = { gateway: gateway.url, folder, variables };
  // The template of a language has a command line of its own, which is part of the image, too.
  const args = ["deploy", "-f", file, "--read-template=false", "--gateway", gateway.url];
  const { code, stdout, stderr } = await cli.run(args, options);
  expect({ code, stderr, stdout }).toMatchObject({ code: 0 });
  const found: Record<string, Spec> = {};
  for (const [key, { spec }] of gateway.fake.objects as Map<string, { spec?: Spec }>) {
    const [, namespace = "", name = ""] = /namespaces\/([^/]+)\/functions\/(.+)$/.exec(key) ?? [];
    if (name !== "" && spec !== undefined) {
      found[`${namespace}/${name}`] = toSaid(spec);
      gateway.fake.remove(FUNCTIONS.replace("openfaas-fn", namespace), name);
    }
  }
  await gateway.settle();
  return found;
}

/** Both of them, of one text. */
async function compare(text: string, variables: Variables): Promise<string[]> {
  const file = join(folder, "stack.yml");
  writeFileSync(file, text);
  const declared = await declare(file, variables);
  for (const [place, { secrets = [] }] of Object.entries(declared)) {
    const [namespace = ""] = place.split("/");
    for (const name of secrets as string[]) {
      gateway.fake.put(`${NAMESPACES}/${namespace}/secrets`, { metadata: { name } });
    }
  }
  expect(await deploy(file, variables)).toEqual(declared);
  return Object.keys(declared).sort();
}

test.each(STACKS)("$name: says the same", async ({ text, variables, functions }) => {
  expect(await compare(text, variables)).toEqual(functions);
});

test("any stack file says the same", async () => {
  await fc.assert(
    fc.asyncProperty(stackText(), async ({ text, variables, names }) => {
      expect((await compare(text, variables)).length).toBe(names.length);
    }),
    { numRuns: runs(15) },
  );
});
