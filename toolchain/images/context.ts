/** What each step of the image builds needs from its surroundings. */
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
  /** In the place of the vendors' registries. */
  registryMirror?: RegistryMirror | undefined;
  /** Whether nothing may be downloaded: then `NotAtHandError` is thrown. */
  findOnly: boolean;
  /** Aborted when the person stops the command. */
  signal: AbortSignal;
}

export interface ImageContextOptions {
  /** Directory of all of Plonk's caches. @default `plonkCache()` */
  cache?: string | undefined;
  /** Told in a few words what is going on. @default nobody is told */
  report?: ((message: string) => void) | undefined;
  /** In the place of the vendors' registries. @default none */
  registryMirror?: RegistryMirror | undefined;
  /** Whether nothing may be downloaded: then `NotAtHandError` is thrown. @default false */
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

/** In front of what may take a download. @throws NotAtHandError where none is wanted */
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
