/**
 * Target `existing` on a cluster that somebody else made, by the README's commands: a registry with
 * a password and a certificate of its owner's own authority; a load balancer; what others have
 * there stays. (Images taken there by a command: `several-stacks.test.ts`.)
 */
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parse, stringify } from "yaml";
import { acquire } from "../../toolchain/acquire.ts";
import { Authority } from "../support/authority.ts";
import { collectCleanups } from "../support/cleanup.ts";
import { type Finished, FreshClone, requireSuccess } from "../support/clone.ts";
import { ForeignNode } from "../support/foreign-node.ts";
import { GuardedRegistry, type Login, toBase64 } from "../support/guarded-registry.ts";
import { toImportCommand } from "../support/k3s.ts";
import { stopServer } from "../support/network.ts";
import { until } from "../support/until.ts";
import { describeLoadBalancer } from "./existing/load-balancer.ts";
import { describePackage } from "./existing/package.ts";
import { describeRefusals } from "./existing/registry-refusals.ts";

const PREFIX = "198.18.79";
const GATEWAY = `http://${PREFIX}.11:31112`;
const LOGIN = { username: "ann", password: "pull-and-push" };
const STACK = "shared";
const minute = 60_000;

const folder = mkdtempSync(join(tmpdir(), "plonk-existing-"));
const clone = new FreshClone("unused", `${PREFIX}.0/24`);
const environment = { ...process.env };
const atEnd = collectCleanups(afterAll, 5 * minute);
let registry: GuardedRegistry;
let node: ForeignNode;
/** The cluster of the kubeconfig's current context, which nobody has any business with. */
let elsewhere: Server;
let connections = 0;
let before: string[];
/** Images in the registry that pods have been made with. */
const released: string[] = [];

/** What is on the cluster now and was not before Plonk came; Kubernetes' own namespaces aside. */
function listNew(): string[] {
  const isOfKubernetes = (object: string): boolean => /^\w+ kube-\S+ \S+$/.test(object);
  return node.listObjects().filter((object) => !before.includes(object) && !isOfKubernetes(object));
}

async function run(...args: string[]): Promise<string> {
  return requireSuccess(await clone.run(...args)).output;
}

/** Changes the file that the README has people make from the example beside it. */
function configure(settings: Record<string, unknown>): void {
  const file = join(clone.folder, `stacks/Pulumi.${STACK}.yaml`);
  const text = existsSync(file) ? readFileSync(file, "utf8") : "config: {}";
  const content = parse(text) as { config: Record<string, unknown> };
  writeFileSync(file, stringify({ ...content, config: { ...content.config, ...settings } }));
}

const pulumi = (...args: string[]): Promise<string> => run("pulumi", "--", ...args, "-s", STACK);
const tryUp = (): Promise<Finished> => clone.run("up", "--", "--stack", STACK);
const up = async (): Promise<string> => requireSuccess(await tryUp()).output;

const preview = (): Promise<Finished> => clone.pulumi("preview", "-s", STACK);

async function call(name: string, body: string): Promise<string> {
  const url = `${GATEWAY}/function/${name}`;
  const init = { method: "POST", body, signal: AbortSignal.timeout(30_000) };
  const answer = await fetch(url, init);
  return `${answer.status} ${await answer.text()}`;
}

/** As `docker login` does. */
function logIn(login: Login): void {
  const auths = { [`127.0.0.1:${registry.port}`]: { auth: toBase64(login) } };
  mkdirSync(join(folder, "docker"), { recursive: true });
  writeFileSync(join(folder, "docker/config.json"), JSON.stringify({ auths }));
}

/** One that is there in name only, and that nothing is scheduled to. */
function addNode(name: string, architecture: string): void {
  const object = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name },
    spec: { unschedulable: true },
  };
  node.kubectl(["create", "-f", "-"], stringify(object));
  const status = JSON.stringify({ status: { nodeInfo: { architecture } } });
  node.kubectl(["patch", "node", name, "--subresource=status", "--type=merge", "-p", status]);
}

/** Images of all pods in a namespace. */
function imagesIn(namespace: string): string[] {
  const path = "{.items[*].spec.containers[*].image}";
  return node.kubectl(["-n", namespace, "get", "pods", "-o", `jsonpath=${path}`]).split(" ");
}

beforeAll(async () => {
  atEnd(() => rmSync(folder, { recursive: true }));
  atEnd(() => clone.remove());
  elsewhere = createServer().listen(0, "127.0.0.1");
  elsewhere.on("connection", () => (connections += 1));
  await once(elsewhere, "listening");
  atEnd(() => stopServer(elsewhere));
  const authority = new Authority();
  writeFileSync(join(folder, "authority.pem"), authority.certificate);
  const identity = authority.issue(["127.0.0.1", `${PREFIX}.1`]);
  const crane = (await acquire("crane")).path;
  registry = await GuardedRegistry.start(crane, folder, { login: LOGIN, identity });
  atEnd(() => registry.stop());
  // As with the registries that kind and k3d make: a port of this machine, of which the nodes
  // know where it is for them.
  const name = `127.0.0.1:${registry.port}`;
  const address = `${PREFIX}.1:${registry.port}`;
  node = await ForeignNode.start(PREFIX, {
    mirrors: { [name]: { endpoint: [`https://${address}`] } },
    configs: {
      [address]: { auth: LOGIN, tls: { ca_file: join(folder, "authority.pem") } },
    },
  });
  atEnd(() => node.remove());
  // k3s applies its manifests a moment after the node is ready.
  for (const part of ["coredns", "metrics-server", "local-path-provisioner"]) {
    const deployment = ["-n", "kube-system", "wait", `deployment/${part}`, "--timeout=120s"];
    node.kubectl([...deployment, "--for=create"]);
    node.kubectl([...deployment, "--for=condition=Available"]);
  }
  // Of the last of its manifests.
  node.kubectl(["wait", "--for=create", "runtimeclass/nvidia", "--timeout=120s"]);
  before = node.listObjects();
  const { port } = elsewhere.address() as AddressInfo;
  const kubeconfig = node.kubeconfigWith(`https://127.0.0.1:${port}`);
  writeFileSync(join(folder, "kubeconfig"), kubeconfig);
  atEnd(() => (process.env = environment));
  process.env["DOCKER_CONFIG"] = join(folder, "docker");
  clone.linkDependencies();
}, 10 * minute);

describe("without a way for images to the nodes", () => {
  it(
    "the preview is refused with one line that says what to set",
    async () => {
      configure({
        "plonk:target": "existing",
        "plonk:kubeconfig": join(folder, "kubeconfig"),
        "plonk:kubeContext": "theirs",
        "plonk:networkPolicy": true,
      });
      await pulumi("stack", "init");
      await pulumi("config", "set", "--secret", "plonk:adminPassword", "admin-password");
      const { code, output } = await preview();
      expect(code).not.toBe(0);
      expect(output.split("Diagnostics:")[1]).toMatch(
        /^\s+pulumi:pulumi:Stack \(plonk-shared\):\s+error: plonk:registry: expected a registry that the nodes pull from, or a command in plonk:imageCommand that takes images to them, got neither\s+Resources:/,
      );
    },
    2 * minute,
  );
});

describe("with a command that takes images to the nodes", () => {
  it(
    "the first preview says what the cluster is, and changes nothing",
    async () => {
      configure({ "plonk:imageCommand": toImportCommand(node.directory) });
      addNode("odd", "riscv64");
      const { code, output } = await preview();
      node.kubectl(["delete", "node", "odd"]);
      expect({ code, output: code === 0 ? "" : output.slice(-4000) }).toEqual({
        code: 0,
        output: "",
      });
      const report = output.split("plonk:index:ExistingCluster (existing):")[1] ?? "";
      const lines = report.split("\n").map((line) => line.trim());
      expect(lines.slice(1, 8)).toEqual([
        "warning: no image is made for riscv64, which nodes have (odd): pods that are scheduled there cannot start",
        expect.stringMatching(
          new RegExp(`^Kubernetes v1\\.\\d+\\.\\d+\\+k3s\\d+ at https://${PREFIX}\\.11:6443$`),
        ),
        "architectures: amd64, as the nodes say",
        "rights: all that are needed",
        "storage class: local-path (rancher.io/local-path), its volumes cannot grow",
        "load balancer: not used, a NodePort is, as the configuration says",
        "NetworkPolicy: policies are made, as the configuration says there is",
      ]);
      expect(listNew()).toEqual([]);
    },
    2 * minute,
  );
});

/** What has to be there after Plonk has gone: data, what others made, and where that lies. */
const KEPT = [
  "ConfigMap openfaas kube-root-ca.crt",
  "ConfigMap openfaas-fn kube-root-ca.crt",
  "ConfigMap openfaas-fn others-code",
  "CustomResourceDefinition functions.openfaas.com",
  "CustomResourceDefinition profiles.openfaas.com",
  "Deployment openfaas-fn others",
  "Namespace openfaas",
  "Namespace openfaas-fn",
  "PersistentVolumeClaim openfaas data-nats-0",
  "PersistentVolumeClaim openfaas data-prometheus-0",
  "Service openfaas-fn others",
  "ServiceAccount openfaas default",
  "ServiceAccount openfaas-fn default",
];

async function expectOthersOnly(): Promise<void> {
  // Kubernetes collects what belonged to a Function a moment after it.
  const isDone = (): boolean => listNew().length <= KEPT.length;
  await until("the end of the collection", isDone, minute).catch(() => undefined);
  expect(listNew()).toEqual(KEPT);
  const list = ["get", "functions", "-A", "--no-headers", "-o", "custom-columns=N:.metadata.name"];
  expect(node.kubectl(list)).toBe("others\n");
  // Nothing that was there before has gone.
  const now = new Set(node.listObjects());
  expect(before.filter((object) => !now.has(object))).toEqual([]);
}

describe("with a registry that wants a password", () => {
  describeRefusals({
    tryUp,
    prepare: () => {
      configure({ "plonk:imageCommand": "", "plonk:registry": `127.0.0.1:${registry.port}/plonk` });
      return `127.0.0.1:${registry.port}`;
    },
    trust: () => (process.env["SSL_CERT_FILE"] = join(folder, "authority.pem")),
    logIn: (password = LOGIN.password) => logIn({ ...LOGIN, password }),
  });

  it(
    "up ends with a call that is answered, of images that the nodes have pulled",
    async () => {
      const start = `127.0.0.1:${registry.port}/plonk`;
      expect(await up()).toContain(`curl -d world ${GATEWAY}/function/hello`);
      expect(await call("hello", "world")).toBe("200 hello world");
      const images = imagesIn("openfaas");
      released.push(...images);
      expect(images.filter((image) => !image.startsWith(`${start}/`))).toEqual([]);
      // Those who push have no reason to read.
      const pulled = registry.requests.filter((line) => /^GET .*\/blobs\//.test(line));
      for (const image of images) {
        const [name = ""] = image.slice(start.length + 1).split(":");
        expect(pulled).toContainEqual(expect.stringContaining(`/plonk/${name}/blobs/`));
      }
    },
    10 * minute,
  );

  it(
    "serves a Function of somebody else like our own",
    async () => {
      const [image] = imagesIn("openfaas-fn");
      const metadata = (name: string): object => ({ name, namespace: "openfaas-fn" });
      const objects = [
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: metadata("others-code"),
          data: { "index.mjs": 'export default { fetch: () => new Response("of others") };' },
        },
        {
          apiVersion: "openfaas.com/v1",
          kind: "Function",
          metadata: metadata("others"),
          spec: { name: "others", image, code: { configMap: "others-code", entry: "index.mjs" } },
        },
      ];
      node.kubectl(["apply", "-f", "-"], objects.map((object) => stringify(object)).join("---\n"));
      const wait = ["wait", "--for=condition=Ready", "function/others", "--timeout=120s"];
      node.kubectl(["-n", "openfaas-fn", ...wait]);
      expect(await call("others", "")).toBe("200 of others");
    },
    3 * minute,
  );

  it("holds our services for both architectures", async () => {
    const platforms = await registry.readPlatforms("plonk/gateway:0.1.0");
    expect(platforms).toEqual({ amd64: true, arm64: true });
  }, 30_000);

  it(
    "keeps the one context alone in the state, and never goes to another",
    async () => {
      const state = await pulumi("stack", "export", "--show-secrets");
      for (const word of ["elsewhere", "u1", "c1"]) {
        expect(state).not.toContain(`name: ${word}\\`);
      }
      expect(state).not.toContain("token-of-elsewhere");
      expect(state).toContain("current-context: theirs");
      const shown = await pulumi("stack", "export");
      for (const secret of ["client-key-data", "admin-password"]) {
        expect(shown).not.toContain(secret);
      }
      expect(connections).toBe(0);
    },
    minute,
  );

  it(
    "changes nothing the second time",
    async () => {
      await pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
      await pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes");
    },
    3 * minute,
  );

  describeLoadBalancer({ clone, stack: STACK, node: () => node, configure });

  it(
    "down removes the stack, leaves what others have, and says so",
    async () => {
      const output = await run("down", "--", "--stack", STACK);
      expect(output).toContain("on the cluster, the namespaces openfaas and openfaas-fn");
      await expectOthersOnly();
    },
    5 * minute,
  );
});

describePackage({
  clone,
  released,
  node: () => node,
  registry: () => `127.0.0.1:${registry.port}`,
  call: (body) => call("echo", body),
  expectGone: expectOthersOnly,
});
