/**
 * Stacks that three teams have: the cluster, the platform on it, the functions on that. Then the
 * platform and a function on the same cluster from a program in YAML, by the component plugin; this
 * one on a NATS and a Prometheus that somebody else has there.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parse, stringify } from "yaml";
import type { Artifacts } from "../../contract/index.ts";
import { resolveImages } from "../../toolchain/artifacts.ts";
import { collectCleanups } from "../support/cleanup.ts";
import { makeClusterFolder } from "../support/cluster-folder.ts";
import { acquireK3s, toImportCommand } from "../support/k3s.ts";
import {
  createHome,
  type Engine,
  type LanguageHost,
  openProject,
  type RunResult,
} from "../support/pulumi.ts";
import { until } from "../support/until.ts";
import { NATS_USER, OTHER, toNats, toPrometheus } from "./several/other-servers.ts";

const ROOT = join(import.meta.dirname, "../..");
const PREFIX = "198.18.84";
const GATEWAY = `http://${PREFIX}.11:31112`;
const minute = 60_000;

const folder = makeClusterFolder("stacks");
const directory = join(folder, "c");
const atEnd = collectCleanups(afterAll, 5 * minute);

let home: string;
let images: Artifacts["images"];
let cluster: Engine;
let platform: Engine;
let functions: Engine;

/** A copy of an example; the project has the name of its folder. */
async function open(name: string, hosts: LanguageHost[] = []): Promise<Engine> {
  const place = join(home, "examples", name);
  cpSync(join(ROOT, "examples", name), place, { recursive: true });
  return openProject({ home, directory: place, project: basename(name), hosts });
}

/** Sets the configuration of a stack; objects and lists as such. */
function configure(engine: Engine, settings: Record<string, unknown>): void {
  const project = basename(engine.directory);
  const file = join(engine.directory, "Pulumi.test.yaml");
  const before = parse(readFileSync(file, "utf8")) as { config?: object };
  const config = Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`${project}:${key}`, value]),
  );
  writeFileSync(file, stringify({ ...before, config: { ...before.config, ...config } }));
}

async function setSecret(engine: Engine, key: string, value: string): Promise<void> {
  const { code, output } = await engine.pulumi(["config", "set", "--secret", key, "--", value]);
  expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
}

/** What a run printed, unless it went well. */
function problem({ code, output }: RunResult): string {
  return code === 0 ? "" : output.slice(-4000);
}

async function call(name: string, body: string): Promise<string> {
  const init = { method: "POST", body, signal: AbortSignal.timeout(30_000) };
  const answer = await fetch(`${GATEWAY}/function/${name}`, init);
  return `${answer.status} ${await answer.text()}`;
}

function kubectl(...args: string[]): string {
  return execFileSync("sh", [join(directory, "kubectl.sh"), ...args], { encoding: "utf8" });
}

/** Applies objects, and waits for the Deployment among them. */
function apply(name: string, namespace: string, objects: string): void {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, objects);
  kubectl("apply", "-f", file);
  kubectl("rollout", "status", `deployment/${name}`, "-n", namespace, "--timeout=120s");
}

/** How often the gateway says that a function was called: so Prometheus has told it. */
async function countOf(name: string): Promise<number> {
  const authorization = `Basic ${Buffer.from("admin:admin-password").toString("base64")}`;
  const answer = await fetch(`${GATEWAY}/system/function/${name}`, { headers: { authorization } });
  return ((await answer.json()) as { invocationCount?: number }).invocationCount ?? 0;
}

/** Returns the text of before. */
function changeProgram({ directory: place }: Engine, change: (text: string) => string): string {
  const file = join(place, "Pulumi.yaml");
  const before = readFileSync(file, "utf8");
  writeFileSync(file, change(before));
  return before;
}

beforeAll(async () => {
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  atEnd(() => void spawnSync("sh", [join(directory, "cluster.sh"), "remove"], { stdio: "ignore" }));
  // For all architectures, as commands such as kind's take the whole image.
  images = await resolveImages({ preload: false });
  home = await createHome(["command", "kubernetes"]);
  atEnd(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(join(home, "node_modules"));
  for (const name of ["@pulumi", "@types"]) {
    symlinkSync(join(ROOT, "node_modules", name), join(home, "node_modules", name));
  }
  symlinkSync(ROOT, join(home, "node_modules/plonk"));
  writeFileSync(join(home, "package.json"), JSON.stringify({ type: "module" }));
  [cluster, platform, functions] = [
    await open("three-stacks/cluster"),
    await open("three-stacks/platform"),
    await open("three-stacks/functions"),
  ];
}, 10 * minute);

describe("three stacks", () => {
  it(
    "make a cluster",
    async () => {
      configure(cluster, {
        name: "several",
        subnet: `${PREFIX}.0/24`,
        directory,
        k3s: await acquireK3s(),
      });
      expect(problem(await cluster.up())).toBe("");
    },
    5 * minute,
  );

  it(
    "make a platform on it, with images that a command takes there",
    async () => {
      const imageCommand = toImportCommand(directory);
      const clusterStack = "organization/cluster/test";
      configure(platform, { clusterStack, imageCommand, images });
      await setSecret(platform, "adminPassword", "admin-password");
      expect(problem(await platform.up())).toBe("");
    },
    5 * minute,
  );

  it(
    "make a function, which answers with the secret of its stack",
    async () => {
      configure(functions, { platformStack: "organization/platform/test" });
      await setSecret(functions, "word", "hello");
      expect(problem(await functions.up())).toBe("");
      expect(await functions.outputs()).toEqual({ url: `${GATEWAY}/function/greeter` });
      expect(await call("greeter", "world")).toBe("200 hello world");
      expect(await functions.state()).not.toContain("current-context");
    },
    3 * minute,
  );

  it(
    "change nothing the second time, and keep the kubeconfig secret",
    async () => {
      const args = ["--expect-no-changes"];
      for (const engine of [platform, functions]) {
        expect(problem(await engine.preview({ args }))).toBe("");
        for (const secret of ["current-context", "admin-password"]) {
          expect(await engine.state()).not.toContain(secret);
        }
      }
    },
    3 * minute,
  );

  it(
    "are destroyed one after the other, and the cluster stays",
    async () => {
      expect(problem(await functions.destroy())).toBe("");
      // The gateway hears of it by a watch of its own.
      const isGone = async (): Promise<boolean> => (await call("greeter", "")).startsWith("404 ");
      await until("the function's end", isGone);
      expect(problem(await platform.destroy())).toBe("");
      expect(kubectl("get", "deployments,statefulsets", "-A", "-o", "name")).not.toMatch(/gateway/);
    },
    5 * minute,
  );
});

describe("a program in YAML", () => {
  let program: Engine;
  beforeAll(async () => {
    program = await open("yaml", ["pulumi-language-yaml"]);
    const { output } = await cluster.pulumi(["stack", "output", "kubeconfig", "--show-secrets"]);
    await setSecret(program, "kubeconfig", output);
    await setSecret(program, "adminPassword", "admin-password");
    // A released package has the images' references itself.
    const references = JSON.stringify({
      gateway: images.gateway.reference,
      queueWorker: images["queue-worker"].reference,
      operator: images.operator.reference,
      runtime: images.runtime.reference,
      nats: images.nats.reference,
      prometheus: images.prometheus.reference,
      alertmanager: images.alertmanager.reference,
      nodeExporter: images["node-exporter"].reference,
    });
    const { user, password } = NATS_USER;
    const nats = { url: OTHER.nats, user, password: { "fn::secret": password } };
    const workers = { min: 0, quietSeconds: 5 };
    const queue = JSON.stringify({ existing: nats, workers });
    const existing = { url: OTHER.prometheus, namespace: OTHER.prometheusNamespace };
    const more = [
      `images: ${references}`,
      `queue: ${queue}`,
      `metrics: ${JSON.stringify({ existing })}`,
    ];
    changeProgram(program, (text) =>
      text
        .replace("../..", ROOT)
        .replace("      adminPassword: ", `      ${more.join("\n      ")}\n      adminPassword: `)
        .replace("outputs:\n", "outputs:\n  files: ${plonk.prometheusConfig}\n"),
    );
    apply("broker", "messages", toNats(images));
  }, 3 * minute);

  it(
    "is refused by the plugin where an argument is wrong, in one line on its resource",
    async () => {
      const before = changeProgram(program, (text) =>
        text.replace("secrets: [", "name: Not_A_Label\n      secrets: ["),
      );
      const { code, diagnostics } = await program.preview();
      changeProgram(program, () => before);
      expect(code).not.toBe(0);
      const errors = diagnostics.filter(({ severity }) => severity === "error");
      expect(errors.map(({ message }) => message)).toEqual([
        expect.stringMatching(
          /^plonk:index:Function resource 'welcome' has a problem: name: expected 1 to 63 .*, got "Not_A_Label"$/,
        ),
      ]);
    },
    2 * minute,
  );

  it(
    "makes the platform and a function, which is called",
    async () => {
      expect(problem(await program.up())).toBe("");
      const { url, platform: exported } = await program.outputs();
      expect(url).toBe(`${GATEWAY}/function/welcome`);
      expect(exported).toMatchObject({ gatewayUrl: GATEWAY, functionNamespace: "openfaas-fn" });
      expect(await call("welcome", "YAML")).toBe("200 hello YAML");
      for (const secret of ["current-context", "admin-password", NATS_USER.password]) {
        expect(await program.state()).not.toContain(secret);
      }
    },
    5 * minute,
  );

  it(
    "queues calls in that NATS, for which a worker comes, and that Prometheus counts them",
    async () => {
      const path = "jsonpath={.spec.replicas}";
      const countWorkers = (): string =>
        kubectl("get", "deployment/queue-worker", "-n", "openfaas", "-o", path);
      await until("no worker, as nothing waits", () => countWorkers() === "0", 2 * minute);
      const { files } = await program.outputs();
      const objects = toPrometheus(images, files as Record<string, string>);
      apply("watcher", OTHER.prometheusNamespace, objects);
      const before = await countOf("welcome");
      const queued = await fetch(`${GATEWAY}/async-function/welcome`, { method: "POST" });
      expect(queued.status).toBe(202);
      // The call of the test before, and that of the queue-worker, which has come for it.
      const areCounted = async (): Promise<boolean> => (await countOf("welcome")) === 2;
      await until("both calls to be counted", areCounted, 2 * minute);
      expect(before).toBeLessThan(2);
    },
    8 * minute,
  );

  it(
    "is a platform to programs in TypeScript",
    async () => {
      configure(functions, { platformStack: "organization/yaml/test" });
      expect(problem(await functions.up())).toBe("");
      expect(await call("greeter", "both")).toBe("200 hello both");
      expect(problem(await functions.destroy())).toBe("");
    },
    3 * minute,
  );

  it(
    "is destroyed, and so is the cluster",
    async () => {
      expect(problem(await program.destroy())).toBe("");
      expect(problem(await cluster.destroy())).toBe("");
      expect(existsSync(directory)).toBe(false);
    },
    3 * minute,
  );
});
