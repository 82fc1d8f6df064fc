/** The SFTP operations for a copy, as promises. */
import { posix } from "node:path";
import type { Client, SFTPWrapper, Stats } from "ssh2";

/** SSH_FX_NO_SUCH_FILE of the protocol's draft. */
const NO_SUCH_FILE = 2;

/** Files of a remote host. Error messages contain the remote path. */
export class RemoteFiles {
  readonly #sftp: SFTPWrapper;

  private constructor(sftp: SFTPWrapper) {
    this.#sftp = sftp;
  }

  static async open(client: Client): Promise<RemoteFiles> {
    const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
      client.sftp((error, opened) =>
        error ? reject(new Error(`SFTP: ${error.message}`)) : resolve(opened),
      );
    });
    return new RemoteFiles(sftp);
  }

  /** The attributes of a file; undefined if it does not exist. */
  find(path: string): Promise<Stats | undefined> {
    return new Promise((resolve, reject) => {
      this.#sftp.stat(path, (error, stats) => {
        if (!error) {
          resolve(stats);
        } else if ((error as { code?: unknown }).code === NO_SUCH_FILE) {
          resolve(undefined);
        } else {
          reject(toError("look at", path, error));
        }
      });
    });
  }

  /** Creates the folder and its missing parents. */
  async makeFolder(path: string): Promise<void> {
    const found = await this.find(path);
    if (found?.isDirectory()) {
      return;
    }
    if (found) {
      throw new Error(`remote path ${path}: expected a folder, got a file`);
    }
    const above = posix.dirname(path);
    if (above !== path) {
      await this.makeFolder(above);
    }
    await this.#do("make the folder", path, (done) => this.#sftp.mkdir(path, done));
  }

  /** Writes over a file that is there. */
  upload(localPath: string, path: string): Promise<void> {
    return this.#do("write", path, (done) => this.#sftp.fastPut(localPath, path, done));
  }

  /** Writes over a file that is there. */
  write(text: string, path: string): Promise<void> {
    return this.#do("write", path, (done) => this.#sftp.writeFile(path, text, done));
  }

  #do(
    what: string,
    path: string,
    work: (done: (error?: Error | null) => void) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      work((error) => (error ? reject(toError(what, path, error)) : resolve()));
    });
  }
}

function toError(what: string, path: string, error: Error): Error {
  return new Error(`cannot ${what} ${path}: ${error.message}`, { cause: error });
}
