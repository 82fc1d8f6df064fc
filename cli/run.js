/**
 * The way into every command, `run.js <program> <command>`: installs the npm dependencies of a checkout when they are
 * missing or stale, finds the pinned Node 24 among them and hands over to the program. Plain JavaScript, because the
 * machine's own Node may be old.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lockfile = join(root, "package-lock.json");
const stamp = join(root, "node_modules", ".plonk-installed");

function fail(message) {
  console.error(`plonk: ${message}`);
  process.exit(1);
}

/** Written after a complete install only, so an interrupted one is done again. */
function isInstalled(digest) {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === digest;
}

function installDependencies() {
  // An installed package has no lockfile: npm has installed its dependencies.
  if (!existsSync(lockfile)) return;
  const digest = createHash("sha256").update(readFileSync(lockfile)).digest("hex");
  if (isInstalled(digest)) return;
  console.error("plonk: installing npm dependencies (about a minute on the first run)");
  // Install scripts only try to download vendor plugins, which the toolchain acquires and verifies itself.
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const result = spawnSync("npm", args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (result.error) fail(`npm: could not be started: ${result.error.message}`);
  if (result.status !== 0)
    fail(
      `npm ci: failed (${result.signal ?? `exit ${result.status}`}); run the command again to resume`,
    );
  writeFileSync(stamp, digest);
}

/** Beside this package or below it: npm puts the dependencies of an installed package where it likes. */
function findBundledNode() {
  try {
    const name = `node-${platform()}-${arch()}`;
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return join(dirname(manifest), "bin", "node");
  } catch {
    return undefined;
  }
}

/** The Node that npm installed, or the one that runs this file when that is new enough. */
function findNode() {
  const bundled = findBundledNode();
  if (bundled) return bundled;
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  return fail(
    `Node: expected 24 or newer on ${platform()}/${arch()}, got ${process.versions.node}; install Node 24 and run this again`,
  );
}

const [program, ...args] = process.argv.slice(2);
installDependencies();
const node = findNode();
const child = spawn(node, ["--disable-warning=ExperimentalWarning", join(root, program), ...args], {
  stdio: "inherit",
  env: {
    ...process.env,
    PATH: `${dirname(node)}:${join(root, "node_modules", ".bin")}:${process.env.PATH}`,
  },
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  // A terminal sends Ctrl-C to the whole foreground group; passing it on would make it two.
  process.on(signal, () => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on("error", (error) => fail(`${node}: ${error.message}`));
child.on("exit", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGINT" ? 130 : 143);
});
