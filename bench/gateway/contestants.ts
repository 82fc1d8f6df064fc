/** The compared proxies: our gateway as in its image, the references, and plain Node.js proxies. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GATEWAY_SEMI_SPACE_MIB, toNodeOptions } from "../../components/kubernetes/node-service.ts";
import { FakeKubernetes } from "../../test/support/fake-kubernetes.ts";
import { declareFunction, toKubeconfig } from "../../test/support/gateway-process.ts";
import { findFreePort } from "../../test/support/network.ts";
import { bundleService } from "../../toolchain/images/bundle.ts";
import { createImageContext } from "../../toolchain/images/context.ts";
import { type Program, startProgram } from "./program.ts";
import { startOpenFaas, startReference } from "./references.ts";

export const CONTESTANTS = [
  "gateway",
  "go",
  "go-pooled",
  "openfaas",
  "nginx",
  "haproxy",
  "node",
  "fastify",
] as const;

export type ContestantName = (typeof CONTESTANTS)[number];

/** Those that take upgrades as they are set up here. */
export const UPGRADING: readonly ContestantName[] = ["gateway", "go", "go-pooled"];

/** Memory of the gateway's container on the platform; all proxies on Node.js use the same flags. */
const GATEWAY_LIMIT_MIB = 256;

const FLAGS = [
  toNodeOptions(GATEWAY_LIMIT_MIB, GATEWAY_SEMI_SPACE_MIB),
  "--disable-warning=ExperimentalWarning",
];

/** As in the pods. */
const NODE_ENV = { NODE_OPTIONS: FLAGS.join(" "), MALLOC_ARENA_MAX: "1" };

/** Path of the function's answers; the gateway takes the prefix away, others pass it on. */
export const FUNCTION_PATH = "/function/bench";

export interface ContestantOptions {
  /** Port of the function on 127.0.0.1. */
  upstreamPort: number;
  /** The only processor that the proxy may use. */
  core: number;
}

/** Starts a proxy in front of the function. */
export function startContestant(
  name: ContestantName,
  options: ContestantOptions,
): Promise<Program> {
  switch (name) {
    case "gateway":
      return startGateway(options);
    case "node":
    case "fastify":
      return startNodeProxy(name, options);
    case "go-pooled":
      return startReference("go", { ...options, isPooled: true });
    case "openfaas":
      return startOpenFaas(options);
    default:
      return startReference(name, options);
  }
}

async function startNodeProxy(
  name: "node" | "fastify",
  { upstreamPort, core }: ContestantOptions,
): Promise<Program> {
  const port = await findFreePort();
  const file = name === "node" ? "bare-node.ts" : "fastify-proxy.ts";
  return startProgram({
    name,
    command: process.execPath,
    args: [join(import.meta.dirname, file), String(port), String(upstreamPort)],
    env: NODE_ENV,
    core,
    port,
  });
}

/** The bundle that goes into the image, with a small Kubernetes API in this process. */
async function startGateway({ upstreamPort, core }: ContestantOptions): Promise<Program> {
  const packageRoot = join(import.meta.dirname, "../..");
  const { file } = await bundleService(createImageContext(), { name: "gateway", packageRoot });
  const fake = new FakeKubernetes();
  const client = await fake.start();
  const directory = await mkdtemp(join(tmpdir(), "plonk-bench-"));
  const remove = async (): Promise<void> => {
    await client.close();
    await fake.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    declareFunction(fake, "bench", { ports: [upstreamPort] });
    const kubeconfig = join(directory, "kubeconfig");
    await writeFile(kubeconfig, toKubeconfig(fake.url));
    await writeFile(join(directory, "basic-auth-user"), "admin");
    await writeFile(join(directory, "basic-auth-password"), "bench");
    const program = await startProgram(await toGatewayProgram({ file, directory, core }));
    return { ...program, stop: () => program.stop().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}

interface GatewayFiles {
  file: string;
  /** With the kubeconfig and the password. */
  directory: string;
  core: number;
}

async function toGatewayProgram({
  file,
  directory,
  core,
}: GatewayFiles): Promise<Parameters<typeof startProgram>[0]> {
  const port = await findFreePort();
  const metricsPort = await findFreePort();
  return {
    name: "gateway",
    command: process.execPath,
    args: [file],
    env: {
      ...NODE_ENV,
      KUBECONFIG: join(directory, "kubeconfig"),
      port: String(port),
      metrics_port: String(metricsPort),
      faas_prometheus_host: "127.0.0.1",
      basic_auth: "true",
      secret_mount_path: directory,
      log_level: "info",
    },
    core,
    port,
  };
}
