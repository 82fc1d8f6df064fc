/** Whether a cluster that Pulumi's state knows is still on its host: commands have no refresh. */
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { ArgumentError } from "../errors.ts";
import { quote } from "./host-script.ts";
import type { ResolvedHost } from "./k3s-args.ts";

/** Of the API server, k3s' default. */
const API_PORT = 6443;
const ANSWER_MS = 5_000;

/** What a node that was started says of itself. */
export interface StartedNode {
  /** UID of the namespace kube-system: each cluster has another. */
  uid: string;
  kubeconfig: string;
}

/** Reads the output of the step that starts a node. */
export function parseStarted(stdout: string): StartedNode {
  const end = stdout.indexOf("\n");
  return { uid: stdout.slice(0, end), kubeconfig: stdout.slice(end + 1) };
}

/**
 * Looks for the cluster where it was made.
 *
 * @throws ArgumentError when it is not there, is another one, or does not answer
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

/** Why nothing accepts connections there; undefined when something does. */
function tryConnect(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: ANSWER_MS });
    const end = (failure?: string): void => {
      socket.destroy();
      resolve(failure);
    };
    socket.on("connect", () => end());
    socket.on("timeout", () => end(`none in ${ANSWER_MS / 1000} s`));
    socket.on("error", ({ message }) => end(message));
  });
}
