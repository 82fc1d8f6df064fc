/** What all acquisitions of one command share. */
import { arch, platform } from "node:os";
import { type Architecture, ARCHITECTURES } from "../../contract/index.ts";
import { type Connectivity, readConnectivity } from "../connectivity.ts";
import { type CacheLayout, cacheLayout, type Environment, plonkCache } from "../directories.ts";
import { ToolchainError } from "../errors.ts";
import { createProgress, type Progress, terminalProgress } from "../progress.ts";
import type { Tool } from "../tool.ts";
import { hasServed } from "./digest-log.ts";
import { Network, type NetworkOptions } from "./network.ts";

export interface AcquireOptions {
  /**
   * Receives progress when there is work to do; a function gets it line by line.
   * @default lines on standard error
   */
  progress?: Progress | ((line: string) => void);
  /** Aborts all downloads and builds. */
  signal?: AbortSignal;
  /** @default the machine's own */
  architecture?: Architecture;
  /** Throws `NotAtHandError` for a tool that is not available locally. @default false */
  findOnly?: boolean;
  /** @default `$PLONK_CACHE` */
  cacheDir?: string;
  /** @default `process.env` */
  env?: Environment;
  /** Time-outs and clock of the network. */
  network?: Pick<NetworkOptions, "timeouts" | "clock">;
}

export interface Session {
  catalogue: readonly Tool[];
  env: Environment;
  cache: CacheLayout;
  architecture: Architecture;
  progress: Progress;
  network: Network;
  connectivity: Connectivity;
  findOnly: boolean;
  signal: AbortSignal;
}

/** @throws ToolchainError `platform` on anything but Linux on a supported processor. */
export function hostArchitecture(system = platform(), processor = arch()): Architecture {
  const name = processor === "x64" ? "amd64" : processor;
  const known = ARCHITECTURES.find((architecture) => architecture === name);
  if (system !== "linux" || known === undefined) {
    throw new ToolchainError(
      "platform",
      `platform: expected linux on ${ARCHITECTURES.join(" or ")}, got ${system} on ${name}`,
    );
  }
  return known;
}

const STANDARD: Pick<NetworkOptions, "timeouts" | "clock"> = {};
/** Networks by options and mirror: what one acquisition learns holds for the whole process. */
const networks = new WeakMap<object, Map<string, Network>>();

function shareNetwork(
  env: Environment,
  options: AcquireOptions,
  about: { progress: Progress; cache: CacheLayout },
): Network {
  const mirror = env["PLONK_MIRROR"] ?? "";
  const { network: key = STANDARD } = options;
  const shared = networks.get(key) ?? new Map<string, Network>();
  networks.set(key, shared);
  const network =
    shared.get(mirror) ??
    new Network({
      ...key,
      mirror,
      onRefusal: (line) => about.progress.note(line),
      hasServed: (host) => hasServed(about.cache.root, host),
    });
  shared.set(mirror, network);
  return network;
}

function toProgress(progress: AcquireOptions["progress"]): Progress {
  return typeof progress === "function"
    ? createProgress({ write: (text) => progress(text.trimEnd()) })
    : (progress ?? terminalProgress());
}

export function createSession(catalogue: readonly Tool[], options: AcquireOptions): Session {
  const env = options.env ?? process.env;
  const progress = toProgress(options.progress);
  const cache = cacheLayout(options.cacheDir ?? plonkCache(env));
  return {
    catalogue,
    env,
    cache,
    architecture: options.architecture ?? hostArchitecture(),
    progress,
    network: shareNetwork(env, options, { progress, cache }),
    connectivity: readConnectivity(env),
    findOnly: options.findOnly ?? false,
    signal: options.signal ?? new AbortController().signal,
  };
}
