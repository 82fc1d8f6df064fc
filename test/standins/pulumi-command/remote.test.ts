/** `command:remote:*` through the real engine and a real OpenSSH server: what a user sees. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { collectCleanups } from "../../support/cleanup.ts";
import { createEngine, type Engine, type RunResult } from "../../support/pulumi.ts";
import { until, untilWritten } from "../../support/until.ts";
import {
  type KeyPair,
  type SshServer,
  startSshServer,
  TESTER,
  unpackOpenSsh,
  Workshop,
} from "./support/sshd.ts";

/** Each operation of the engine takes seconds, on a busy machine many. */
const TIMEOUT_MS = 600_000;

const onEnd = collectCleanups(afterAll);
let engine: Engine;
let key: KeyPair;
let server: SshServer;
/** The remote user's home folder. */
let home: string;

beforeAll(async () => {
  const ssh = await unpackOpenSsh();
  const workshop = new Workshop(ssh);
  onEnd(() => workshop.remove());
  key = workshop.makeKey("key", { passphrase: "hunter2-passphrase" });
  server = await startSshServer({
    ssh,
    workshop,
    hostKey: workshop.makeKey("host"),
    authorized: [key.public],
    config: ["AcceptEnv WORD PULUMI_COMMAND_*"],
  });
  onEnd(() => server.close());
  home = server.home[TESTER] ?? "";
  engine = await createEngine({ plugins: ["command"] });
  onEnd(() => engine.remove());
}, TIMEOUT_MS);

function program(...lines: string[]): Promise<void> {
  const connection = {
    host: "127.0.0.1",
    port: server.port,
    user: TESTER,
    privateKey: key.private,
    privateKeyPassword: "hunter2-passphrase",
    dialErrorLimit: 1,
    perDialTimeout: 60,
  };
  const header = `import * as pulumi from "@pulumi/pulumi";
    import { remote } from "@pulumi/command";
    const connection = ${JSON.stringify(connection)};`;
  return engine.program([header, ...lines].join("\n"));
}

function read(file: string): string {
  return readFileSync(join(home, file), "utf8");
}

function stepsOf(result: RunResult): Record<string, string> {
  const own = result.steps.filter((step) => step.type.startsWith("command:"));
  return Object.fromEntries(own.map((step) => [step.name, step.op]));
}

function shown(result: RunResult, severity: string): string[] {
  return result.diagnostics
    .filter((line) => line.severity === severity && line.urn.includes("command:"))
    .map(({ message }) => message);
}

/** Whether it has not ended: one that its parent has not collected yet has. */
function isRunning(pid: string): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

it(
  "runs remote commands at the moments of local ones, and keeps their secrets",
  async () => {
    const declare = (word: string) =>
      program(
        `const c = new remote.Command("all", {`,
        `  connection, environment: { WORD: "${word}" },`,
        `  create: "echo create $WORD | tee -a log",`,
        `  update: "echo update $WORD after $PULUMI_COMMAND_STDOUT | tee -a log",`,
        `  delete: "echo delete after $PULUMI_COMMAND_STDOUT >> log",`,
        `});`,
        `new remote.Command("order", {`,
        `  connection, create: "echo create >> order", delete: "echo delete >> order",`,
        `  triggers: ["${word}"],`,
        `});`,
        `const hidden = new remote.Command("hidden", {`,
        `  connection, create: "cat", stdin: pulumi.secret("hunter2-in"),`,
        `});`,
        `export const stdout = [c.stdout, hidden.stdout];`,
      );
    await declare("one");
    expect(Object.values(stepsOf(await engine.preview()))).toEqual(["create", "create", "create"]);
    expect(existsSync(join(home, "log"))).toBe(false);

    const made = await engine.up();
    expect(shown(made, "error")).toEqual([]);
    expect(shown(made, "info").sort()).toEqual(["[secret]", "create one"]);
    expect(await engine.outputs()).toEqual({ stdout: ["create one", "hunter2-in"] });
    expect((await engine.preview()).changes).toEqual({ same: 4 });

    await declare("two");
    const changed = await engine.up();
    expect(stepsOf(changed)).toEqual({ all: "update", order: "delete-replaced", hidden: "same" });
    expect(read("order")).toBe("create\ncreate\ndelete\n");
    const state = await engine.state();
    // The output of a command is no secret because its connection is one.
    expect(state).toContain('"stdout":"update two after create one"');
    expect(made.output + changed.output + state).not.toMatch(/hunter2|OPENSSH PRIVATE KEY/);

    expect((await engine.destroy()).code).toBe(0);
    expect(read("log")).toBe(
      "create one\nupdate two after create one\ndelete after update two after create one\n",
    );
    expect(read("order")).toBe("create\ncreate\ndelete\ndelete\n");
  },
  TIMEOUT_MS,
);

it(
  "copies files and folders, again when their content or place changes",
  async () => {
    const folder = join(engine.directory, "site");
    mkdirSync(join(folder, "css"), { recursive: true });
    writeFileSync(join(folder, "index.html"), "page");
    writeFileSync(join(folder, "css/style.css"), "style one");
    writeFileSync(join(engine.directory, "one.txt"), "one");
    const declare = (file: string, to: string) =>
      program(
        `const { asset } = pulumi;`,
        `const copy = (name: string, source: unknown, remotePath: string) =>`,
        `  new remote.CopyToRemote(name, { connection, source, remotePath });`,
        `copy("file", new asset.FileAsset("${file}"), "deep/er/${to}");`,
        `copy("text", new asset.StringAsset("some text"), "text");`,
        `const site = new asset.FileArchive("site");`,
        `copy("folder", site, "www");`,
        `copy("parts", new asset.AssetArchive({`,
        `  "a/b": new asset.StringAsset("in parts"), site, "c": new asset.FileAsset("${file}"),`,
        `}), "parts");`,
        `new remote.Command("count", {`,
        `  connection, triggers: [site], create: "find www parts -type f | sort | tee -a found",`,
        `});`,
      );
    await declare("one.txt", "there");
    const made = await engine.up();
    expect(shown(made, "error")).toEqual([]);
    expect([read("deep/er/there"), read("text"), read("www/site/css/style.css")]).toEqual([
      "one",
      "some text",
      "style one",
    ]);
    expect([read("parts/a/b"), read("parts/site/index.html"), read("parts/c")]).toEqual([
      "in parts",
      "page",
      "one",
    ]);

    // The same content under another name is no change.
    writeFileSync(join(engine.directory, "same.txt"), "one");
    await declare("same.txt", "there");
    expect((await engine.preview()).changes).toEqual({ same: 6 });

    writeFileSync(join(folder, "css/style.css"), "style two");
    await declare("one.txt", "here");
    expect(stepsOf(await engine.up())).toMatchObject({
      file: "update",
      text: "same",
      folder: "update",
      parts: "update",
      count: "delete-replaced",
    });
    expect(read("www/site/css/style.css")).toBe("style two");
    expect(read("deep/er/here")).toBe("one");
    expect((await engine.destroy()).code).toBe(0);
    expect(existsSync(join(home, "text"))).toBe(true);
  },
  TIMEOUT_MS,
);

it(
  "refuses wrong connections in preview, and names what failed on the resource",
  async () => {
    await program(
      `new remote.Command("c", {`,
      `  connection: { ...connection, port: 0, privateKey: "no key", hostKey: "x", proxy: { host: "" } },`,
      `});`,
    );
    const refused = await engine.preview();
    expect(refused.code).not.toBe(0);
    for (const complaint of [
      "connection.port: expected a whole number from 1 to 65535, got 0",
      "connection.privateKey: expected a private key in OpenSSH's or PEM's format, got one that",
      "connection.hostKey: expected one line as in known_hosts",
      "connection.proxy.host: expected text, got none",
    ]) {
      expect(refused.output).toContain(complaint);
    }
    await program(
      `new remote.Command("failing", { connection, create: "echo no such thing; exit 7" });`,
      `new remote.CopyToRemote("missing", {`,
      `  connection, remotePath: "/proc/no/such", source: new pulumi.asset.StringAsset("a"),`,
      `});`,
    );
    const failed = await engine.up({ args: ["--continue-on-error"] });
    expect(shown(failed, "error").sort()).toEqual([
      'Process exited with status 7: running "echo no such thing; exit 7":\nno such thing',
      "cannot make the folder /proc/no: No such file",
    ]);
    expect(await engine.state()).not.toMatch(/::(failing|missing)"/);
  },
  TIMEOUT_MS,
);

it(
  "stops a remote command when the person stops the engine",
  async () => {
    await program(
      `new remote.Command("c", { connection, create: "echo $$ > pid; sleep 615; touch late" });`,
    );
    const abort = new AbortController();
    const running = engine.up({ signal: abort.signal });
    const pid = (await untilWritten(join(home, "pid"), TIMEOUT_MS)).trim();
    abort.abort();
    const result = await running;
    expect(result.code).not.toBe(0);
    expect(shown(result, "error")).toEqual(["the command was stopped: cancelled"]);
    await until("the end of the command", () => !isRunning(pid));
    expect(existsSync(join(home, "late"))).toBe(false);
  },
  TIMEOUT_MS,
);
