/** A memory limit as a container has it: a cgroup of its own, of either version. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

/** Root of the memory controller's hierarchy, and the names of files, by version of cgroups. */
const VERSIONS = [
  { root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", anonymous: "total_rss" },
  { root: "/sys/fs/cgroup", limit: "memory.max", anonymous: "anon" },
];

const MIB = 1024 * 1024;

/** How often anonymous memory is read for its peak, milliseconds. */
const SAMPLE_MS = 200;

const PREFIX = "plonk-bench-";

/** What interrupted runs have left. */
function removeEmpty(root: string): void {
  for (const name of readdirSync(root).filter((it) => it.startsWith(PREFIX))) {
    try {
      rmdirSync(join(root, name));
    } catch {
      // It is another run's.
    }
  }
}

export class MemoryLimit {
  /** Of anonymous memory, which nothing can be taken of: MiB, as often as it is looked at. */
  peakMiB = 0;
  readonly #folder: string;
  readonly #anonymous: string;
  readonly #timer: NodeJS.Timeout;

  /**
   * @param name - of a cgroup that is made
   * @throws where no cgroup with a memory limit can be made
   */
  constructor(name: string, limitMiB: number) {
    const version = VERSIONS.find(({ root }) => existsSync(join(root, "cgroup.procs")));
    if (version === undefined) {
      throw new Error("cgroups: expected the memory controller, got none under /sys/fs/cgroup");
    }
    this.#anonymous = version.anonymous;
    removeEmpty(version.root);
    this.#folder = join(version.root, `${PREFIX}${name}`);
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(join(this.#folder, version.limit), String(limitMiB * MIB));
    this.#timer = setInterval(() => this.#look(), SAMPLE_MS);
  }

  /** The words that start a program within the limit. */
  wrap(program: string, args: readonly string[]): string[] {
    const enter = 'echo $$ > "$0" && exec "$@"';
    return ["sh", "-c", enter, join(this.#folder, "cgroup.procs"), program, ...args];
  }

  get anonymousMiB(): number {
    const stat = readFileSync(join(this.#folder, "memory.stat"), "utf8");
    const line = stat.split("\n").find((it) => it.startsWith(`${this.#anonymous} `));
    return Number(line?.split(" ")[1] ?? NaN) / MIB;
  }

  /** When all of its processes have ended. */
  remove(): void {
    clearInterval(this.#timer);
    rmdirSync(this.#folder);
  }

  #look(): void {
    this.peakMiB = Math.max(this.peakMiB, this.anonymousMiB);
  }
}
