/** Context of the image builds. */
import type { RecipeContext } from "../../standins/from-source/recipe.ts";
import { cacheLayout } from "../directories.ts";
import { NotAtHandError } from "../errors.ts";
import { runCommand } from "../run-command.ts";
import type { RegistryMirror } from "./registry-mirror.ts";

export interface ImageContext extends Pick<RecipeContext, "run" | "report"> {
  /** Directory of the finished results. */
  images: string;
  /** Directory of all caches. */
  cache: string;
  /** Replaces the vendors' registries. */
  registryMirror?: RegistryMirror | undefined;
  /** Throws `NotAtHandError` instead of downloading. */
  findOnly: boolean;
  /** Aborted when the user stops the command. */
  signal: AbortSignal;
}

export interface ImageContextOptions {
  /** Directory of all of Plonk's caches. @default `plonkCache()` */
  cache?: string | undefined;
  /** Called with a short phrase about the current step. @default no-op */
  report?: ((message: string) => void) | undefined;
  /** Replaces the vendors' registries. @default none */
  registryMirror?: RegistryMirror | undefined;
  /** Throws `NotAtHandError` instead of downloading. @default false */
  findOnly?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

export function createImageContext(options: ImageContextOptions = {}): ImageContext {
  const { report = () => undefined, signal = new AbortController().signal } = options;
  const { root, images } = cacheLayout(options.cache);
  return {
    cache: root,
    images,
    report,
    registryMirror: options.registryMirror,
    findOnly: options.findOnly ?? false,
    run: (command, args, run) => runCommand(command, args, withEnvironment(run, signal)),
    signal,
  };
}

/** Call it before a step that may download. @throws NotAtHandError if `findOnly` is set */
export function requireDownloads({ findOnly }: ImageContext, what: string): void {
  if (findOnly) {
    throw new NotAtHandError(what);
  }
}

type RunOptions = Parameters<RecipeContext["run"]>[2];

function withEnvironment(
  options: RunOptions,
  signal: AbortSignal,
): NonNullable<Parameters<typeof runCommand>[2]> {
  return { cwd: options?.cwd, env: { ...process.env, ...options?.env }, signal };
}
