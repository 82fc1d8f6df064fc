/**
 * The keys of the platform's own NATS, by the real engine: drawn once, they fit together and stay.
 * The objects are written to files, so that there need be no cluster.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { toPublicKey } from "../../components/queue/nats-identity.ts";
import { createEngine, type Engine, type RunResult } from "../support/pulumi.ts";
import { type FakeApi, startFakeApi, toKubeconfig } from "./support/fake-api.ts";
import { toPlatformProgram } from "./support/platform-program.ts";

const minutes = 60_000;

let api: FakeApi;
let engine: Engine;

beforeAll(async () => {
  api = await startFakeApi();
  engine = await createEngine({ plugins: ["kubernetes"] });
}, minutes);

afterAll(async () => {
  await engine.remove();
  api.stop();
});

async function declare(options: object = {}): Promise<void> {
  const args = { namespace: "openfaas", ...options };
  const program = toPlatformProgram(toKubeconfig(api.url, "here"), args, "Queue");
  await engine.program(
    program.replace(
      "kubeconfig, enableServerSideApply: true,",
      `renderYamlToDirectory: ${JSON.stringify(join(engine.directory, "objects"))},`,
    ),
  );
}

interface Written {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
}

/** The objects that the last run has written, by kind and name, as text. */
function readObjects(): Record<string, string> {
  const folder = join(engine.directory, "objects/1-manifest");
  const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  return Object.fromEntries(
    texts.map((text) => {
      const { kind, metadata } = parse(text) as Written;
      return [`${kind} ${metadata.name}`, text];
    }),
  );
}

/** The files of a Secret, or of a ConfigMap. */
function filesOf(object: string): Record<string, string> {
  const { kind, data = {} } = parse(readObjects()[object] ?? "") as Written;
  const isSecret = kind === "Secret";
  const toText = (text: string): string =>
    isSecret ? Buffer.from(text, "base64").toString() : text;
  return Object.fromEntries(Object.entries(data).map(([name, text]) => [name, toText(text)]));
}

async function up(): Promise<void> {
  const { code, output } = await engine.up();
  expect(code === 0 ? "" : output).toBe("");
}

const changesOf = ({ steps }: RunResult): string[] =>
  steps
    .filter(({ op, type }) => op !== "same" && type.startsWith("kubernetes:"))
    .map(({ op, name }) => `${op} ${name}`)
    .sort();

/** That everything is made of what one Secret has; returns that. */
function checkFit(suffix: string): Record<string, string> {
  const kept = filesOf(`Secret nats-keys${suffix}`);
  const config = filesOf("ConfigMap nats-config")["nats.conf"] ?? "";
  const users = ["gateway", "queue-worker"].map((service) => {
    const login = filesOf(`Secret ${service}-nats-keys${suffix}`);
    expect(login).toEqual({ "nkey.seed": kept[`${service}.seed`], "ca.crt": kept["ca.crt"] });
    return toPublicKey(login["nkey.seed"] ?? "");
  });
  expect([...config.matchAll(/nkey: (U\w{55})$/gm)].map(([, key]) => key)).toEqual(users);
  expect(config).not.toMatch(/SU[A-Z2-7]{56}/);
  return kept;
}

it(
  "are made by the first run, and no later one makes others",
  async () => {
    await declare();
    const preview = await engine.preview();
    expect(preview.code === 0 ? "" : preview.output).toBe("");
    await up();
    const kept = checkFit("");
    expect(Object.keys(kept).sort()).toEqual([
      "ca.crt",
      "gateway.seed",
      "queue-worker.seed",
      "tls.crt",
      "tls.key",
    ]);
    const state = await engine.state();
    for (const text of Object.values(kept)) {
      expect(state).not.toContain(Buffer.from(text).toString("base64"));
    }
    const objects = readObjects();
    expect((await engine.preview()).changes).toEqual({ same: expect.any(Number) });
    await up();
    expect(readObjects()).toEqual(objects);
  },
  3 * minutes,
);

it(
  "stay when something else about the queue changes",
  async () => {
    const kept = checkFit("");
    await declare({ sync: "interval" });
    expect(changesOf(await engine.preview())).toEqual(["update p-nats", "update p-nats-config"]);
    await up();
    expect(checkFit("")).toEqual(kept);
  },
  3 * minutes,
);

it(
  "are others under another number, and those of before go",
  async () => {
    const kept = checkFit("");
    await declare({ sync: "interval", keyRevision: 2 });
    const rotation = [
      "create p-gateway-nats-keys-2",
      "create p-nats-keys-2",
      "create p-queue-worker-nats-keys-2",
      "delete p-gateway-nats-keys",
      "delete p-nats-keys",
      "delete p-queue-worker-nats-keys",
      "update p-nats",
      "update p-nats-config",
      "update p-queue-worker",
    ];
    expect(changesOf(await engine.preview())).toEqual(rotation);
    await up();
    const others = checkFit("-2");
    for (const [name, text] of Object.entries(others)) {
      expect(text).not.toBe(kept[name]);
    }
    const objects = readObjects();
    expect(objects["Secret nats-keys"]).toBeUndefined();
    expect(objects["Deployment queue-worker"]).toContain("secretName: queue-worker-nats-keys-2");
    expect((await engine.preview()).changes).toEqual({ same: expect.any(Number) });
  },
  3 * minutes,
);
