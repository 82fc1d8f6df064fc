/** One node run by the real script with a k3s that only pretends, in a real network namespace. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHostScript, type HostSettings } from "../../../components/cluster/host-script.ts";
import { makeClusterFolder } from "../../support/cluster-folder.ts";

/** Answers as k3s does, and keeps running until it is told to stop. */
const FAKE_K3S = `#!/bin/sh
home=$(dirname "$(dirname "$0")")
case $1 in
server)
  [ ! -e "$home/../broken" ] || { echo "out of order"; exit 1; }
  echo "started with $2 $3 secret=$SECRET"
  readlink /proc/self/ns/net > "$home/../netns"
  readlink /proc/self/ns/mnt > "$home/../mntns"
  echo "server: https://127.0.0.1:6443" > "$home/k3s.yaml"
  # Nobody is to take what was said before for a sign that the next one is ready.
  trap 'rm -f "$home/alive"; echo "asked to stop"; exit 0' TERM
  date -u +%FT%TZ > "$home/alive"
  while :; do sleep 0.1; done
  ;;
kubectl)
  case $6 in
  /readyz) echo ok ;;
  /api/v1/namespaces/kube-system) echo '{"metadata":{"name":"kube-system","uid":"uid-1"}}' ;;
  /api/v1/nodes/*)
    echo "$6" >> "$home/../asked"
    [ "$6" = /api/v1/nodes/n1 ] && [ -e "$home/alive" ] || exit 1
    ready='"type":"Ready","status":"True","lastHeartbeatTime":"'$(cat "$home/alive")'"'
    echo '{"status":{"conditions":[{"type":"Other","status":"False"},{'$ready'}]}}'
    ;;
  *) exit 1 ;;
  esac
  ;;
ctr)
  echo "$K3S_DATA_DIR $*" >> "$home/../ctr"
  # k3s takes in what lies here, under its name and under its digest.
  sed 's/^/plonk.local\\/image@/' "$home"/data/agent/images/*.tar 2>/dev/null
  ;;
esac
`;

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** What a command gives that had nothing to say. */
export const OK: Result = { code: 0, stdout: "", stderr: "" };

/** Only to end a hang: no test may fail because the machine is busy. */
const PATIENCE_MS = 60_000;

/** Settings of a node in the machine's own network. */
export const HOST_NETWORK = { isolation: undefined, nodeAddress: "127.0.0.1" };

/**
 * In the place of `date` for the script: its seconds stand still until it has asked for its node,
 * and are over then, however long that takes.
 */
export const CLOCK_BY_QUESTIONS =
  'date() { [ "$1" = +%s ] || { env date "$@"; return; }\n' +
  '  [ -e "$DIR/../asked" ] && echo 2 || echo 0; }';

export class FakeNode {
  readonly folder: string;
  readonly directory: string;
  readonly settings: HostSettings;
  /** Put before `sh`, e.g. `unshare` with its arguments. */
  prefix: string[] = [];
  /** Programs that the script does not find: it has the usual folders in its PATH anyway. */
  hidden: string[] = [];
  /** Shell functions in the place of programs that the script calls. */
  functions: string[] = [];

  /**
   * @param subnet third byte of 198.19.x.0/24, which no other cluster on this machine may have
   * @param folder all of it lies here
   */
  constructor(
    subnet: number,
    settings: Partial<HostSettings> = {},
    folder = makeClusterFolder("node"),
  ) {
    this.folder = folder;
    this.directory = join(folder, "c");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(this.folder, "k3s"), FAKE_K3S, { mode: 0o755 });
    this.settings = {
      cluster: `test${subnet}`,
      owner: "plonk/test",
      directory: this.directory,
      nodeName: "n1",
      nodeAddress: `198.19.${subnet}.11`,
      serviceCidr: "10.43.0.0/16",
      cgroup: `plonk-test${subnet}`,
      readySeconds: PATIENCE_MS / 1000,
      supervised: true,
      isolation: {
        namespace: `plonk-test${subnet}`,
        bridge: `plonk19-${subnet}`,
        veth: `plonk19-${subnet}v11`,
        subnet: `198.19.${subnet}.0/24`,
        hostAddress: `198.19.${subnet}.1`,
        egress: "none",
      },
      ...settings,
    };
  }

  /** Runs a command of the script as it comes from Pulumi: on standard input. */
  piped(...args: string[]): Result {
    return this.execute(["sh", "-s", "--", ...args], this.#toScript());
  }

  #toScript(): string {
    const script = createHostScript(this.settings);
    const lines = [...this.functions];
    if (this.hidden.length > 0) {
      const isHidden = `case $2 in ${this.hidden.join("|")}) return 1 ;; esac`;
      lines.push(`command() { ${isHidden}; type "$2" >/dev/null 2>&1; }`);
      lines.push(...this.hidden.map((name) => `${name}() { return 127; }`));
    }
    return script.replace(
      "#!/bin/sh\n",
      (begin) => begin + lines.map((line) => `${line}\n`).join(""),
    );
  }

  /** Runs a command of the script that lies on the host. */
  stored(command: string, args: string[] = [], input = ""): Result {
    return this.execute(["sh", join(this.directory, "cluster.sh"), command, ...args], input);
  }

  execute(words: string[], input = ""): Result {
    const [program = "", ...args] = [...this.prefix, ...words];
    const { status, stdout, stderr } = spawnSync(program, args, {
      input,
      encoding: "utf8",
      env: { ...process.env, SECRET: "hunter2" },
    });
    return { code: status, stdout, stderr };
  }

  prepare(): Result {
    mkdirSync(this.directory, { recursive: true });
    writeFileSync(join(this.directory, "cluster.sh"), this.#toScript());
    return this.stored("prepare");
  }

  install(config = "a: 1\n", images = ""): Result {
    return this.stored("install", [join(this.folder, "k3s"), images], config);
  }

  start(): Result {
    return this.execute(["sh", join(this.directory, "start.sh")]);
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), "utf8");
  }

  has(file: string): boolean {
    return existsSync(join(this.folder, file));
  }

  /** Process id in a pid file of the node, which may come a moment after the node is ready. */
  pid(name: string): number {
    const path = join(this.directory, `${name}.pid`);
    waitUntil(path, () => existsSync(path) && readFileSync(path, "utf8").endsWith("\n"));
    return Number(this.read(`c/${name}.pid`).split(" ")[0]);
  }

  /** Kills processes of the node by their pid files; returns when they have ended. */
  kill(...names: string[]): void {
    const pids = names.map((name) => this.pid(name));
    // What was said before is no sign that the next one is ready.
    rmSync(join(this.directory, "alive"), { force: true });
    pids.forEach((pid) => process.kill(pid, "SIGKILL"));
    waitUntil(`the end of ${names.join(" and ")}`, () => !pids.some(isAlive));
  }

  /** Prepares, installs and starts; every one of them has to succeed. */
  up(): void {
    const results = [this.prepare(), this.install(), this.start()];
    const failed = results.find(({ code }) => code !== 0);
    if (failed) {
      throw new Error(`expected a node, got ${JSON.stringify(failed)}`);
    }
  }

  /** What there is of the node on this machine, outside its directory. */
  traces(): string[] {
    const names = [`plonk-${this.settings.cluster}`, this.settings.isolation?.bridge ?? "none"];
    return findTraces(names, this.directory);
  }

  dispose(): void {
    this.piped("remove");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * What has one of these names in the network, among the cgroups and the nodes of this machine,
 * and processes whose command lines name the directory.
 */
export function findTraces(names: readonly string[], directory: string): string[] {
  const lines = ["-o link", "rule", "netns list"].flatMap((words) =>
    ip(...words.split(" ")).split("\n"),
  );
  const processes = readdirSync("/proc").filter(
    (entry) => /^\d+$/.test(entry) && readCommand(entry).includes(directory),
  );
  const folders = [...hierarchies(), "/run/plonk"].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder) : [],
  );
  return [...lines, ...folders]
    .filter((line) => names.some((name) => line.includes(name)))
    .concat(processes);
}

/** Roots of the cgroups: several in version 1, one in version 2. */
function hierarchies(): string[] {
  const root = "/sys/fs/cgroup";
  return [root, ...readdirSync(root).map((name) => join(root, name))].filter((folder) =>
    existsSync(join(folder, "cgroup.procs")),
  );
}

function readCommand(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // It has ended between the two calls.
    return "";
  }
}

/** Makes a link of the tests alone, also where a killed run has left it. */
export function addBridge(name: string): void {
  spawnSync("ip", ["link", "del", name], { stdio: "ignore" });
  ip("link", "add", name, "type", "bridge");
}

/** Makes a namespace of the tests alone, also where a killed run has left it. */
export function addNamespace(name: string): void {
  spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  ip("netns", "add", name);
}

/** Runs `ip`. */
export function ip(...args: string[]): string {
  return execFileSync("ip", args, { encoding: "utf8" });
}

/** A process that has ended counts as such before anybody has asked for its exit code. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    // It is no more, or it was only just now.
    return false;
  }
}

/** Waits as the script does that it waits for: without the event loop. */
function waitUntil(what: string, condition: () => boolean): void {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) {
      throw new Error(`expected ${what} within ${PATIENCE_MS} ms`);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
}
