/** A tool in the catalogue, and what `acquire` returns. */
import type { Architecture } from "../contract/index.ts";
import type { Recipe } from "../standins/from-source/recipe.ts";

/** One download of a release. */
export interface ReleaseFile {
  url: string;
  /** URL of the vendor's checksum file, which lists `url` by the last part of its path. */
  checksums: string;
  /**
   * `archive`: a tar.gz that is unpacked into the folder `to`. `file`: saved at `to` unchanged.
   */
  format: "archive" | "file";
  /** Path within the tool's directory. */
  to: string;
  /** How many leading folders of an archive to leave out. @default 0 */
  strip?: number;
  /** The paths of an archive to extract, after `strip`. @default all */
  only?: readonly string[];
  /** Whether a `file` is a program. @default false */
  executable?: boolean;
}

export interface Release {
  version: string;
  /** The downloads; empty when the vendor does not support the architecture. */
  files(architecture: Architecture): readonly ReleaseFile[];
  /** Disk space for the downloads and their content, in 10^6 bytes. */
  megabytes: number;
}

export interface Source {
  version: string;
  recipe: Recipe;
  /**
   * Files and folders that the result depends on, relative to `standins/from-source`; a cached
   * build is repeated when any of them has changed.
   */
  inputs: readonly string[];
  /** Further text that the result depends on. */
  key?: () => string;
  /** Disk space for a build with an empty cache, in 10^6 bytes. */
  megabytes: number;
}

/** How to check that a program on PATH is the right version. */
export interface OnPath {
  /** Arguments that print its version. */
  arguments: readonly string[];
  /** Programs that must be in the same folder. */
  companions?: readonly string[];
}

export interface Tool {
  name: string;
  /** Path of the program within the tool's directory. */
  executable: string;
  release?: Release;
  source?: Source;
  /** Absent when the tool is more than a program on PATH. */
  onPath?: OnPath;
  /** For a Pulumi plugin: its folder in `$PULUMI_HOME/plugins`. */
  plugin?: string;
}

export type ToolSource = "path" | "cache" | "mirror" | "release" | "source";

export interface AcquiredTool {
  name: string;
  /** Absolute path of the program. */
  path: string;
  /** Absolute path of the tool's directory, which contains `path`. */
  directory: string;
  version: string;
  /** Where this call found it or got it from. */
  source: ToolSource;
}
