/** What the catalogue says about a tool, and what `acquire` gives back. */
import type { Architecture } from "../contract/index.ts";
import type { Recipe } from "../standins/from-source/recipe.ts";

/** One download of a release. */
export interface ReleaseFile {
  url: string;
  /** The vendor's file that states the digest of `url`, by the last part of its path. */
  checksums: string;
  /**
   * `archive` is a tar.gz that is unpacked into the folder `to`; `file` is put at `to` as it is.
   */
  format: "archive" | "file";
  /** Path within the tool's directory. */
  to: string;
  /** How many leading folders of an archive to leave out. @default 0 */
  strip?: number;
  /** The paths of an archive that are wanted, after `strip`. @default all */
  only?: readonly string[];
  /** Whether a `file` is a program. @default false */
  executable?: boolean;
}

export interface Release {
  version: string;
  /** The downloads, or none where the vendor has none for the architecture. */
  files(architecture: Architecture): readonly ReleaseFile[];
  /** Space that the downloads and what comes out of them take, in 10^6 bytes. */
  megabytes: number;
}

export interface Source {
  version: string;
  recipe: Recipe;
  /**
   * Files and folders that decide what comes out, relative to `standins/from-source`; a cached
   * build is done again when any of them has changed.
   */
  inputs: readonly string[];
  /** Further text that decides what comes out. */
  key?: () => string;
  /** Space that a build from nothing takes, in 10^6 bytes. */
  megabytes: number;
}

/** How to find out whether a program on PATH is the wanted one. */
export interface OnPath {
  /** Arguments that make it print its version. */
  arguments: readonly string[];
  /** Programs that must lie in the same folder. */
  companions?: readonly string[];
}

export interface Tool {
  name: string;
  /** Path of the program within the tool's directory. */
  executable: string;
  release?: Release;
  source?: Source;
  /** Left out where a program on PATH is not all there is to the tool. */
  onPath?: OnPath;
  /** For a Pulumi plugin: its folder in `$PULUMI_HOME/plugins`. */
  plugin?: string;
}

export type ToolSource = "path" | "cache" | "mirror" | "release" | "source";

export interface AcquiredTool {
  name: string;
  /** Absolute path of the program. */
  path: string;
  /** Absolute path of the directory with everything that came along, `path` being below it. */
  directory: string;
  version: string;
  /** Where it was found or had from, this time. */
  source: ToolSource;
}
