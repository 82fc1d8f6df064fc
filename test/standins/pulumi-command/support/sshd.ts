/**
 * Debian's OpenSSH server on loopback for one test file. The test itself listens, on a port of the
 * system's choice, and gives each connection to an sshd of its own in a mount namespace with the
 * users and folders that sshd asks for: nothing of the machine changes.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toLibraryPath, unpackDebianTree } from "../../../support/debian-tree.ts";

export const PASSWORD = "open-sesame";
/** SHA-512 crypt of `PASSWORD`. */
const PASSWORD_HASH =
  "$6$plonk$jU9b.BR.dJhJshB26wSTGn3aYOI4qqgaJI0P07i/O6TxxDQsMmqW.jmEzgsS4FODS8hT3dvoGzgvdLDalhKkF0";
/** The user besides root. */
export const TESTER = "tester";
const TESTER_ID = 64_521;

/** Unpacked programs of OpenSSH. */
export interface OpenSsh {
  /** Runs one of them, e.g. `ssh-keygen`, and returns what it prints. */
  run(program: string, args: readonly string[], env?: Record<string, string>): string;
  spawn(program: string, args: readonly string[]): ChildProcess;
  tree: string;
}

export async function unpackOpenSsh(): Promise<OpenSsh> {
  const tree = await unpackDebianTree({
    name: "openssh",
    packages: ["openssh-server", "openssh-client"],
    needed: /^(openssh-|lib)/,
    needless: /^(libc6|libperl)|-perl$/,
  });
  const environment = { ...process.env, LD_LIBRARY_PATH: toLibraryPath(tree) };
  return {
    tree,
    run: (program, args, env) =>
      execFileSync(join(tree, "usr/bin", program), args, {
        env: { ...environment, ...env },
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      }),
    spawn: (program, args) =>
      spawn(join(tree, "usr/bin", program), args, { env: environment, stdio: "ignore" }),
  };
}

export interface KeyPair {
  /** Path of the private key; the public one lies beside it. */
  file: string;
  private: string;
  /** One line, as in `authorized_keys`. */
  public: string;
}

/** A folder for keys and files, deleted by `remove`. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), "plonk-sshd-"));
  readonly #ssh: OpenSsh;

  constructor(ssh: OpenSsh) {
    this.#ssh = ssh;
    // Users other than root pass through here to their home.
    chmodSync(this.folder, 0o755);
  }

  makeKey(name: string, options: { type?: string; passphrase?: string } = {}): KeyPair {
    const { type = "ed25519", passphrase = "" } = options;
    const file = join(this.folder, name);
    this.#ssh.run("ssh-keygen", ["-q", "-t", type, "-N", passphrase, "-C", name, "-f", file]);
    const read = (path: string): string => readFileSync(path, "utf8");
    return { file, private: read(file), public: read(`${file}.pub`).trim() };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface SshServerOptions {
  ssh: OpenSsh;
  workshop: Workshop;
  hostKey: KeyPair;
  /** Public keys that may log in as root and as `TESTER`. */
  authorized: readonly string[];
  /** Further lines of sshd_config. */
  config?: readonly string[];
  /** How many connections are closed before the first that is served. @default 0 */
  drops?: number;
  /** Connections are taken and then left alone. @default false */
  isMute?: boolean;
}

export interface SshServer {
  port: number;
  /** Home folder of root and of `TESTER` on this server. */
  home: Record<string, string>;
  /** How many connections came in. */
  readonly connections: number;
  close(): Promise<void>;
}

export async function startSshServer(options: SshServerOptions): Promise<SshServer> {
  const folder = mkdtempSync(join(options.workshop.folder, "server-"));
  chmodSync(folder, 0o755);
  const home = prepare(folder, options);
  const children = new Set<ChildProcess>();
  const mute = new Set<Socket>();
  let connections = 0;
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    connections += 1;
    if (options.isMute) {
      mute.add(socket);
      return;
    }
    if (connections <= (options.drops ?? 0)) {
      drop(socket);
      return;
    }
    const child = serveConnection(folder, options, socket);
    children.add(child);
    child.once("close", () => children.delete(child));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    home,
    get connections() {
      return connections;
    },
    async close() {
      server.close();
      for (const socket of mute) {
        socket.destroy();
      }
      await Promise.all(
        [...children].map(async (child) => {
          child.kill("SIGKILL");
          await once(child, "close");
        }),
      );
    },
  };
}

/**
 * Ends a connection that the client may have written to already: with something unread it would be
 * reset, which the client tells by another error.
 */
function drop(socket: Socket): void {
  socket.on("error", () => undefined);
  socket.resume();
  socket.end();
}

/** sshd in inetd's way: the connection is its standard input and output. */
function serveConnection(folder: string, options: SshServerOptions, socket: Socket): ChildProcess {
  const sshd = join(options.ssh.tree, "usr/sbin/sshd");
  const script = `mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd &&
    mount --bind "$0/passwd" /etc/passwd && mount --bind "$0/shadow" /etc/shadow &&
    exec "$1" -i -e -f "$0/sshd_config"`;
  const child = spawn("unshare", ["--mount", "/bin/sh", "-c", script, folder, sshd], {
    env: { ...process.env, LD_LIBRARY_PATH: toLibraryPath(options.ssh.tree) },
    stdio: [socket, socket, "ignore"],
  });
  // The child has it now; an end of its own would keep the connection open after the child's.
  socket.destroy();
  return child;
}

function prepare(folder: string, options: SshServerOptions): Record<string, string> {
  const write = (name: string, lines: readonly string[], mode = 0o644): void =>
    writeFileSync(join(folder, name), `${lines.join("\n")}\n`, { mode });
  const home = { root: join(folder, "root"), [TESTER]: join(folder, TESTER) };
  for (const path of Object.values(home)) {
    mkdirSync(path);
  }
  chownSync(join(folder, TESTER), TESTER_ID, TESTER_ID);
  write("passwd", [
    `root:x:0:0:root:${home.root}:/bin/sh`,
    `${TESTER}:x:${TESTER_ID}:${TESTER_ID}::${join(folder, TESTER)}:/bin/sh`,
    `sshd:x:${TESTER_ID + 1}:65534::/run/sshd:/usr/sbin/nologin`,
  ]);
  write(
    "shadow",
    [
      `root:${PASSWORD_HASH}:19000::::::`,
      `${TESTER}:${PASSWORD_HASH}:19000::::::`,
      "sshd:!:19000::::::",
    ],
    0o600,
  );
  write("authorized_keys", options.authorized);
  write("sshd_config", [
    `HostKey ${options.hostKey.file}`,
    `AuthorizedKeysFile ${join(folder, "authorized_keys")}`,
    "StrictModes no",
    "UsePAM no",
    "UseDNS no",
    "PermitRootLogin yes",
    "Subsystem sftp internal-sftp",
    ...splitPrograms(options.ssh.tree),
    ...(options.config ?? []),
  ]);
  return home;
}

/** From 9.8 on, sshd starts programs of its own for each connection, at a path that is built in. */
function splitPrograms(tree: string): string[] {
  const programs = { SshdSessionPath: "sshd-session", SshdAuthPath: "sshd-auth" };
  return Object.entries(programs).flatMap(([option, name]) => {
    const path = join(tree, "usr/lib/openssh", name);
    return existsSync(path) ? [`${option} ${path}`] : [];
  });
}
