/** How a tool is built from source: the contract between `acquire` and the recipes. */
import type { Architecture } from "../../contract/index.ts";

export interface RunOptions {
  /** Working directory. @default the recipe's scratch directory */
  cwd?: string;
  /** Added to the environment of the build. */
  env?: Record<string, string>;
}

export interface RecipeContext {
  /** Empty directory to fill. It is moved into place at once when the recipe has returned. */
  destination: string;
  /** Empty directory for intermediate files, removed afterwards. */
  scratch: string;
  architecture: Architecture;
  /** The cache directory, for what outlives one build (`cacheLayout` names its folders). */
  cache: string;
  /** Runs a program to its end, returns its standard output; a failure names its last lines. */
  run: (command: string, args: readonly string[], options?: RunOptions) => Promise<string>;
  /** Says in a few words what is going on, e.g. `compiling Kubernetes`. */
  report: (message: string) => void;
  /** Path of another tool, acquired first. */
  acquire: (tool: string) => Promise<string>;
  /** Aborted when the person stops the command. */
  signal: AbortSignal;
}

/** Fills `destination` with the tool, or throws; a failed recipe leaves nothing behind. */
export type Recipe = (context: RecipeContext) => Promise<void>;
