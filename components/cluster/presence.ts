/** Checks that a cluster in Pulumi's state still exists, as commands have no refresh. */
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { ArgumentError } from "../errors.ts";
import { quote } from "./host-script.ts";
import type { ResolvedHost } from "./k3s-args.ts";

/** Port of the API server, k3s' default. */
const API_PORT = 6443;
const ANSWER_MS = 5_000;

/** The output of a started node. */
export interface StartedNode {
  /** UID of the namespace kube-system, unique per cluster. */
  uid: string;
  kubeconfig: string;
}

/** Reads the output of the step that starts a node. */
export function parseStarted(stdout: string): StartedNode {
  const end = stdout.indexOf("\n");
  return { uid: stdout.slice(0, end), kubeconfig: stdout.slice(end + 1) };
}

/**
 * Checks the cluster in its directory.
 *
 * @throws ArgumentError when it is missing, is another one, or does not answer
 */
export async function checkPresence(
  uid: string,
  { directory, address }: Pick<ResolvedHost, "directory" | "address">,
  port = API_PORT,
): Promise<void> {
  const found = await readUid(directory);
  if (found === undefined) {
    throw new ArgumentError(`${directory}: expected the cluster that was made here, found none`);
  }
  if (found !== uid) {
    throw new ArgumentError(
      `${directory}: expected the cluster with the UID ${uid} of kube-system, found ${found}`,
    );
  }
  const failure = await tryConnect(address, port);
  if (failure === undefined) {
    return;
  }
  throw new ArgumentError(
    `${directory}: expected an answer of the cluster at ${address}:${port}, got ${failure}; ` +
      `sh ${quote(join(directory, "start.sh"))} starts it`,
  );
}

async function readUid(directory: string): Promise<string | undefined> {
  try {
    return (await readFile(join(directory, "uid"), "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

/** Why a connection fails; undefined when it succeeds. */
function tryConnect(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: ANSWER_MS });
    const end = (failure?: string): void => {
      socket.destroy();
      resolve(failure);
    };
    socket.on("connect", () => end());
    // Not at once: what was too busy for so long has not looked for the answer yet.
    socket.on("timeout", () => setImmediate(end, `none in ${ANSWER_MS / 1000} s`));
    socket.on("error", ({ message }) => end(message));
  });
}
