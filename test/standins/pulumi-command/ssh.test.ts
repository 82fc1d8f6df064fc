/** Commands over SSH against a real OpenSSH server: ways in, environment, failures, stopping. */
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Connection, toConnection } from "../../../standins/pulumi-command/connection.ts";
import { toEnvironment } from "../../../standins/pulumi-command/inputs.ts";
import { type RemoteRun, runRemoteCommand } from "../../../standins/pulumi-command/ssh/run.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { findFreePort } from "../../support/network.ts";
import { until, untilWritten } from "../../support/until.ts";
import {
  type KeyPair,
  type OpenSsh,
  PASSWORD,
  type SshServer,
  type SshServerOptions,
  startSshServer,
  TESTER,
  unpackOpenSsh,
  Workshop,
} from "./support/sshd.ts";

/** The first test of a machine unpacks OpenSSH. */
const TIMEOUT_MS = 120_000;

const onEnd = collectCleanups(afterAll);
let ssh: OpenSsh;
let workshop: Workshop;
let hostKey: KeyPair;
let key: KeyPair;
let locked: KeyPair;
let server: SshServer;

beforeAll(async () => {
  ssh = await unpackOpenSsh();
  workshop = new Workshop(ssh);
  onEnd(() => workshop.remove());
  hostKey = workshop.makeKey("host");
  key = workshop.makeKey("key");
  locked = workshop.makeKey("locked", { type: "rsa", passphrase: "a passphrase" });
  server = await start({ config: ["AcceptEnv GREETING PULUMI_COMMAND_*"] });
}, TIMEOUT_MS);

async function start(options: Partial<SshServerOptions> = {}): Promise<SshServer> {
  const authorized = [key.public, locked.public];
  const started = await startSshServer({ ssh, workshop, hostKey, authorized, ...options });
  onEnd(() => started.close());
  return started;
}

function to(port: number, changes: Partial<Connection> = {}): Connection {
  const patience = { dialErrorLimit: 0, perDialTimeout: 60 };
  const inputs = { connection: { host: "127.0.0.1", port, ...patience } };
  return { ...toConnection(inputs), privateKey: key.private, ...changes };
}

function toRun(command: string, changes: Partial<RemoteRun> = {}): RemoteRun {
  return {
    ...toEnvironment({}),
    command,
    isCommandSecret: false,
    connection: to(server.port),
    previous: undefined,
    signal: new AbortController().signal,
    onLine: () => undefined,
    onWarning: () => undefined,
    ...changes,
  };
}

async function stdoutOf(command: string, changes: Partial<RemoteRun> = {}): Promise<string> {
  return (await runRemoteCommand(toRun(command, changes))).stdout;
}

/** Whether somebody listens on a socket: its file is there a moment before. */
function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** The message of what a run fails with. */
async function failureOf(command: string, changes: Partial<RemoteRun> = {}): Promise<string> {
  return await stdoutOf(command, changes).then(
    (stdout) => `no failure: ${stdout}`,
    (error: unknown) => (error as Error).message,
  );
}

describe("a login", () => {
  it("goes by a key to the user of that name, and to root without a name", async () => {
    expect(await stdoutOf("id -un; pwd")).toBe(`root\n${server.home["root"]}`);
    const connection = to(server.port, { user: TESTER });
    expect(await stdoutOf("id -un; pwd", { connection })).toBe(`${TESTER}\n${server.home[TESTER]}`);
  });

  it("goes by an encrypted key, by a password, and by an agent's keys", async () => {
    const ways: Partial<Connection>[] = [
      { privateKey: locked.private, privateKeyPassword: "a passphrase" },
      { privateKey: undefined, password: PASSWORD },
    ];
    const socket = join(workshop.folder, "agent");
    const agent = ssh.spawn("ssh-agent", ["-D", "-a", socket]);
    onEnd(async () => {
      // It deletes its socket, and must have before the folder goes.
      agent.kill();
      await once(agent, "close");
    });
    await until("the agent to listen", () => accepts(socket));
    ssh.run("ssh-add", ["-q", key.file], { SSH_AUTH_SOCK: socket });
    ways.push({ privateKey: undefined, agentSocketPath: socket });
    for (const way of ways) {
      expect(await stdoutOf("id -un", { connection: to(server.port, way) })).toBe("root");
    }
  });

  it("is refused in one line with what was tried", async () => {
    const stranger = workshop.makeKey("stranger");
    const connection = to(server.port, { privateKey: stranger.private, password: "wrong" });
    expect(await failureOf("true", { connection })).toBe(
      `after 1 failed attempt: dial 127.0.0.1:${server.port}: user "root": expected the server ` +
        "to let it in, got a refusal (tried: publickey, password, keyboard-interactive)",
    );
  });

  it("asks for an agent that is there", async () => {
    const changes = { privateKey: undefined, agentSocketPath: "/no/such/agent" };
    expect(await failureOf("true", { connection: to(server.port, changes) })).toBe(
      'connection.agentSocketPath: expected the socket of an agent, got "/no/such/agent"',
    );
  });

  it("takes the expected host key, of any type, and no other", async () => {
    const rsa = await start({ hostKey: workshop.makeKey("host-rsa", { type: "rsa" }) });
    const line = readFileSync(join(workshop.folder, "host-rsa.pub"), "utf8");
    expect(await stdoutOf("echo in", { connection: to(rsa.port, { hostKey: line }) })).toBe("in");
    const known = to(server.port, { hostKey: hostKey.public });
    expect(await stdoutOf("echo in", { connection: known })).toBe("in");

    const fingerprint = (pair: KeyPair): string =>
      ssh.run("ssh-keygen", ["-l", "-f", pair.file]).split(" ")[1] ?? "";
    const wrong = to(server.port, { hostKey: key.public });
    expect(await failureOf("true", { connection: wrong })).toBe(
      `after 1 failed attempt: dial 127.0.0.1:${server.port}: hostKey: expected ` +
        `${fingerprint(hostKey)}, which the host has, got ${fingerprint(key)}`,
    );
  });

  it("leads through a proxy, whose failures say so", async () => {
    const proxy = await start();
    const connection = to(server.port, { proxy: to(proxy.port, { user: TESTER }) });
    expect(await stdoutOf("echo there", { connection })).toBe("there");
    expect(proxy.connections).toBe(1);

    const port = await findFreePort();
    const closed = to(server.port, { proxy: to(port) });
    await expect(stdoutOf("true", { connection: closed })).rejects.toThrow(
      `proxy: after 1 failed attempt: dial 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`,
    );
    const beyond = to(port, { proxy: to(proxy.port) });
    await expect(stdoutOf("true", { connection: beyond })).rejects.toThrow(
      `after 1 failed attempt: dial 127.0.0.1:${port}: (SSH) Channel open failure: Connection refused`,
    );
  });

  it("is tried again until the limit of errors is passed, and says so", async () => {
    const slow = await start({ drops: 2 });
    const lines: string[] = [];
    const onLine = (line: string): void => void lines.push(line);
    const lost = `127.0.0.1:${slow.port}: Connection lost before handshake`;
    const limited = to(slow.port, { dialErrorLimit: 1 });
    expect(await failureOf("true", { connection: limited, onLine })).toBe(
      `after 2 failed attempts: dial ${lost}`,
    );
    expect(lines).toEqual([`Dial 1/1 failed: retrying (${lost})`]);
    expect(await stdoutOf("echo in", { connection: limited })).toBe("in");
  });

  it("gives up an attempt after its time", async () => {
    const mute = await start({ isMute: true });
    const connection = to(mute.port, { perDialTimeout: 1 });
    await expect(stdoutOf("true", { connection })).rejects.toThrow(
      `dial 127.0.0.1:${mute.port}: Timed out while waiting for handshake`,
    );
  });
});

describe("a command", () => {
  it("that is over at once has its status, also through a proxy", async () => {
    const proxied = to(server.port, { proxy: to(server.port) });
    const runs = Array.from({ length: 10 }, () => stdoutOf("echo done", { connection: proxied }));
    expect(await Promise.all(runs)).toEqual(runs.map(() => "done"));
  });

  it("is given its input, and what it prints is kept and shown", async () => {
    const lines: string[] = [];
    const run = toRun("cat; echo oops >&2; printf 'hunter2 é'", {
      stdin: "typed\n",
      secrets: ["hunter2"],
      onLine: (line) => lines.push(line),
    });
    expect(await runRemoteCommand(run)).toEqual({ stdout: "typed\nhunter2 é", stderr: "oops" });
    expect(lines.sort()).toEqual(["[secret] é", "oops", "typed"]);
    const quiet = toRun("echo out; echo err >&2", { logging: "stderr", onLine: run.onLine });
    await runRemoteCommand(quiet);
    expect(lines.slice(3)).toEqual(["err"]);
  });

  it("may print and be given much, or leave its input unread", async () => {
    const stdin = "x".repeat(3_000_000);
    expect((await stdoutOf("cat", { stdin })).length).toBe(3_000_000);
    expect(await stdoutOf("echo done", { stdin })).toBe("done");
  });

  it("has the variables that the server accepts, and the last output wins", async () => {
    const previous = { stdout: "last", stderr: "" };
    const environment = { GREETING: "hello $HOME", PULUMI_COMMAND_STDERR: "own" };
    const command = 'echo "$GREETING-$PULUMI_COMMAND_STDOUT-$PULUMI_COMMAND_STDERR"';
    expect(await stdoutOf(command, { environment, previous })).toBe("hello $HOME-last-own");
    const off = { previous, addPreviousOutputInEnv: false };
    expect(await stdoutOf(command, off)).toBe("--");
  });

  it("does not run without a variable that the server refuses", async () => {
    const file = join(workshop.folder, "ran");
    const environment = { OTHER: "hunter2" };
    expect(await failureOf(`touch ${file}`, { environment })).toBe(
      "environment.OTHER: expected AcceptEnv of the SSH server to allow it, got a refusal; " +
        "a shell takes it before the command, too: OTHER=value command",
    );
    expect(existsSync(file)).toBe(false);
  });

  it("runs with a warning without a last output that cannot be handed over", async () => {
    const strict = await start();
    const warnings: string[] = [];
    const changes = {
      connection: to(strict.port),
      previous: { stdout: "last", stderr: "x".repeat(131_072) },
      onWarning: (message: string): void => void warnings.push(message),
    };
    expect(await stdoutOf("echo in:$PULUMI_COMMAND_STDOUT", changes)).toBe("in:");
    expect(warnings).toEqual([
      "PULUMI_COMMAND_STDOUT is not set for the command: expected AcceptEnv of " +
        "the SSH server to allow it, got a refusal; a shell takes it before the command, too: " +
        "PULUMI_COMMAND_STDOUT=value command",
      "PULUMI_COMMAND_STDERR is not set for the command: expected at most 131071 bytes " +
        "with its name, got 131094",
    ]);
  });

  it.each<[string, Partial<RemoteRun>, string]>([
    ["exit 3", {}, 'Process exited with status 3: running "exit 3":'],
    [
      "echo out; echo hunter2; exit 1",
      { secrets: ["hunter2"] },
      'Process exited with status 1: running "echo out; echo hunter2; exit 1":\nout\n[secret]',
    ],
    ["kill -9 $$", {}, 'Process exited from SIGKILL: running "kill -9 $$":'],
    ["exit 3", { isCommandSecret: true }, "Process exited with status 3: running [secret]:"],
    [
      // Its input ends when the server has said that it runs.
      "cat; kill -9 $PPID",
      {},
      'Process exited without a status, or the connection was lost: running "cat; kill -9 $PPID":',
    ],
  ])("that fails, %j, tells %j", async (command, changes, message) => {
    expect(await failureOf(command, changes)).toBe(message);
  });
});

describe("stopping", () => {
  /** A command that notes its processes' ids, one of which does not listen. */
  async function startStubborn(
    user: string,
    signal: AbortSignal,
  ): Promise<[string, Promise<string>]> {
    const file = join(server.home[user] ?? "", "pids");
    const command =
      `(trap '' TERM; echo $$ > pid; exec sleep 613 >/dev/null 2>&1) & ` +
      `trap 'echo asked > asked; exit 0' TERM; sleep 0.01; echo $! $$ > pids; sleep 614 & wait`;
    const running = stdoutOf(command, { connection: to(server.port, { user }), signal });
    running.catch(() => undefined);
    await untilWritten(file);
    return [file, running];
  }

  function isRunning(pid: string): boolean {
    try {
      return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0] !== "Z";
    } catch {
      return false;
    }
  }

  it.each(["root", TESTER])("ends a command of %s and all that it started", async (user) => {
    const abort = new AbortController();
    const [file, running] = await startStubborn(user, abort.signal);
    abort.abort(new Error("cancelled"));
    await expect(running).rejects.toThrow(new Error("the command was stopped: cancelled"));
    const pids = readFileSync(file, "utf8").trim().split(" ");
    // A signal is sent at once, and acted upon when the process gets its turn.
    await until("their end", () => !pids.some(isRunning));
    expect(readFileSync(join(server.home[user] ?? "", "asked"), "utf8")).toBe("asked\n");
  });

  it("does not begin what is cancelled already", async () => {
    const signal = AbortSignal.abort(new Error("cancelled"));
    const before = server.connections;
    await expect(stdoutOf("true", { signal })).rejects.toThrow(
      "the command was stopped: cancelled",
    );
    expect(server.connections).toBe(before);
  });

  it("ends the attempts to log in", async () => {
    const port = await findFreePort();
    const abort = new AbortController();
    const running = stdoutOf("true", {
      connection: to(port, { dialErrorLimit: -1 }),
      signal: abort.signal,
      onLine: (line) => {
        expect(line).toMatch(/^Dial \d+\/inf failed: retrying/);
        abort.abort(new Error("cancelled"));
      },
    });
    await expect(running).rejects.toThrow(new Error("the command was stopped: cancelled"));
  });
});
