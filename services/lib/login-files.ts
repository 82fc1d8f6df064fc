/** Files of a mounted Secret with which a service logs in at a server of somebody else's. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LOGIN_FILE } from "../../contract/environment/index.ts";

export class LoginFiles {
  readonly #folder: string | undefined;

  /** @param folder undefined: there are none */
  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** The content now, as Kubernetes renews the files of a Secret; undefined where there is none. */
  read(name: keyof typeof LOGIN_FILE): Buffer | undefined {
    const path = this.path(name);
    try {
      return path === undefined ? undefined : readFileSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        return undefined;
      }
      throw error;
    }
  }

  /** The content as text, without the line end that editors write. */
  readText(name: keyof typeof LOGIN_FILE): string | undefined {
    return this.read(name)
      ?.toString("utf8")
      .replace(/\r?\n$/, "");
  }

  /** Where the file is, or would be. */
  path(name: keyof typeof LOGIN_FILE): string | undefined {
    return this.#folder === undefined ? undefined : join(this.#folder, LOGIN_FILE[name]);
  }
}
