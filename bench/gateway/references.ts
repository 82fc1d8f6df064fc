/**
 * The reference proxies, in front of one upstream: Go's `httputil.ReverseProxy`, nginx and haproxy.
 * Each does what the gateway does to headers, on one thread, with kept-alive connections.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "../../test/support/network.ts";
import { type Program, startProgram } from "./program.ts";
import { type HeadLimits, toHaproxyConfig, toNginxProxyConfig } from "./reference-configs.ts";
import { prepareTools, type Tools } from "./tools.ts";

export const REFERENCES = ["go", "nginx", "haproxy"] as const;

export type ReferenceName = (typeof REFERENCES)[number];

export interface ReferenceOptions {
  /** Where the upstream listens on 127.0.0.1. */
  upstreamPort: number;
  /** The only processor that the proxy may use. @default any */
  core?: number;
  /**
   * Gives Go's proxy a pool of buffers, which few programs do: it then makes 32 KiB less garbage
   * a call. @default false
   */
  isPooled?: boolean;
  /** Limits of a request's header section. @default the proxy's own */
  head?: HeadLimits;
  /** Called before slow steps: the first start downloads and compiles. @default no-op */
  report?: (message: string) => void;
}

/** Starts a proxy on a free port of 127.0.0.1; every path goes to the upstream as it is. */
export async function startReference(
  name: ReferenceName,
  options: ReferenceOptions,
): Promise<Program> {
  const tools = await prepareTools(options.report ?? (() => undefined));
  const port = await findFreePort();
  return name === "go"
    ? startGoProxy(tools, port, options)
    : startConfigured({ tools, name, port, options });
}

/**
 * Starts the two hops of OpenFaaS: Go's proxy, and behind it the proxy of OpenFaaS' providers,
 * which takes the function's name out of the path.
 */
export async function startOpenFaas({
  upstreamPort,
  core,
  report = () => undefined,
}: ReferenceOptions): Promise<Program> {
  const tools = await prepareTools(report);
  const port = await findFreePort();
  const provider = `127.0.0.1:${await findFreePort()}`;
  return startProgram({
    name: "openfaas",
    command: tools.path("openfaas"),
    args: [`127.0.0.1:${port}`, provider, `http://127.0.0.1:${upstreamPort}`],
    env: { GOMAXPROCS: "1" },
    core,
    port,
  });
}

function startGoProxy(
  tools: Tools,
  port: number,
  { upstreamPort, core, isPooled = false, head }: ReferenceOptions,
): Promise<Program> {
  const upstream = `http://127.0.0.1:${upstreamPort}`;
  return startProgram({
    name: "go",
    command: tools.path("proxy"),
    args: [`127.0.0.1:${port}`, upstream, ...(isPooled ? ["pooled"] : [])],
    env: { GOMAXPROCS: "1", ...(head !== undefined && { MAX_HEAD_BYTES: String(head.bytes) }) },
    core,
    port,
  });
}

interface Configured {
  tools: Tools;
  name: "nginx" | "haproxy";
  port: number;
  options: ReferenceOptions;
}

/** Runs a program with a configuration file, in a temporary folder that is deleted at its end. */
async function startConfigured({ tools, name, port, options }: Configured): Promise<Program> {
  const { upstreamPort, core, head } = options;
  const directory = await mkdtemp(join(tmpdir(), `plonk-${name}-`));
  const file = join(directory, "config");
  const ports = { port, upstreamPort, directory, head };
  const isNginx = name === "nginx";
  await writeFile(file, isNginx ? toNginxProxyConfig(ports) : toHaproxyConfig(ports));
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const program = await startProgram({
      name,
      command: tools.path(name),
      args: isNginx ? ["-e", "stderr", "-p", directory, "-c", file] : ["-db", "-f", file],
      env: tools.env,
      core,
      port,
    });
    return {
      ...program,
      stop: async () => {
        await program.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
