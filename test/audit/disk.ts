/**
 * The disk of NATS: a file system of its own in a file, which can be full, and from which all is
 * gone that was not synced when its power went. Without the right to mount one, a plain folder.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, rm, statfs, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runCommand } from "../../toolchain/run-command.ts";
import { until } from "../support/until.ts";

/** Size of the disk, and of the memory in which it is: it is there twice while its power goes. */
const DISK = "512M";
const MEMORY = "2G";

export class AuditDisk {
  readonly #folder: string;
  /** Whether it can be full, and lose its power. */
  readonly isReal: boolean;
  #image = "";

  private constructor(folder: string, isReal: boolean) {
    this.#folder = folder;
    this.isReal = isReal;
  }

  static async create(): Promise<AuditDisk> {
    const folder = await mkdtemp(join(tmpdir(), "plonk-audit-"));
    await mkdir(join(folder, "images"));
    await mkdir(join(folder, "disk"));
    const real = new AuditDisk(folder, true);
    try {
      await real.#make();
      return real;
    } catch {
      await real.#unmount();
      return new AuditDisk(folder, false);
    }
  }

  /** Where the store is. */
  get path(): string {
    return join(this.#folder, "disk");
  }

  /** For other files, e.g. settings. */
  get folder(): string {
    return this.#folder;
  }

  /** Takes all the room that there is left. */
  async fill(): Promise<void> {
    const ballast = join(this.path, "ballast");
    await writeFile(ballast, "");
    // NATS takes room meanwhile, too.
    while (!(await this.#takeMost(ballast))) {
      await sleep(10);
    }
    const piece = Buffer.alloc(4096, 1);
    let hasRoom = true;
    while (hasRoom) {
      hasRoom = await appendFile(ballast, piece).then(
        () => true,
        () => false,
      );
    }
  }

  async #takeMost(ballast: string): Promise<boolean> {
    const { bavail, bsize } = await statfs(this.path);
    const length = ["-l", String(Math.max(1, bavail - 64) * bsize), ballast];
    return runCommand("fallocate", length).then(
      () => true,
      () => false,
    );
  }

  async free(): Promise<void> {
    await rm(join(this.path, "ballast"), { force: true });
  }

  /**
   * Copies what is on the disk at this moment: what its file system has written to it, without what
   * it keeps in memory until somebody syncs. Whoever writes on it has to be paused.
   */
  async snapshot(): Promise<string> {
    const image = join(this.#folder, "images", randomUUID());
    await runCommand("cp", ["--sparse=always", this.#image, image]);
    return image;
  }

  /** Goes on with a copy, as after a loss of power. Nobody may use the disk. */
  async restore(image: string): Promise<void> {
    await unmount(this.path);
    await rm(this.#image);
    this.#image = image;
    await this.#mount();
  }

  async remove(): Promise<void> {
    if (this.isReal) {
      await this.#unmount();
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #make(): Promise<void> {
    const images = join(this.#folder, "images");
    await runCommand("mount", ["-t", "tmpfs", "-o", `size=${MEMORY}`, "tmpfs", images]);
    this.#image = join(images, randomUUID());
    await writeFile(this.#image, "");
    await truncate(this.#image, Number.parseInt(DISK) * 1024 * 1024);
    // Nothing is reserved: it would be room for root alone.
    await runCommand("mkfs.ext4", ["-q", "-F", "-m", "0", this.#image]);
    await this.#mount();
  }

  async #mount(): Promise<void> {
    // What is not synced stays in memory for as long as that can be had.
    await runCommand("mount", ["-o", "loop,commit=600", this.#image, this.path]);
  }

  async #unmount(): Promise<void> {
    for (const path of [this.path, join(this.#folder, "images")]) {
      await unmount(path);
    }
  }
}

/** The kernel gives up a file only some time after the file system in it. */
async function unmount(path: string): Promise<void> {
  await until(`${path} to be unmounted`, async () => {
    if (isMounted(path)) {
      await runCommand("umount", [path]).catch(() => undefined);
    }
    return !isMounted(path);
  });
}

function isMounted(path: string): boolean {
  return readFileSync("/proc/self/mounts", "utf8").includes(` ${path} `);
}
