/** Finds the kubeconfig as kubectl does, and makes it self-contained. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse, stringify } from "yaml";

/** The fields that are merged; others are kept unchanged. */
interface Kubeconfig {
  "current-context"?: string;
  clusters?: Named[];
  contexts?: Named[];
  users?: Named[];
}

interface Named {
  name: string;
  cluster?: Record<string, unknown>;
  user?: Record<string, unknown>;
}

/** Fields with the path of a file, and the fields for its content in base64. */
const FILES: Record<string, string> = {
  "certificate-authority": "certificate-authority-data",
  "client-certificate": "client-certificate-data",
  "client-key": "client-key-data",
};

/**
 * The content of the kubeconfig: of the configured file, else of those in `$KUBECONFIG`, else of
 * `~/.kube/config`. As in kubectl, the first file with a value wins, and missing files are skipped.
 *
 * @throws pulumi.RunError with one line when there is none, or a file of it is unreadable
 */
export function loadKubeconfig(configured: string, env: NodeJS.ProcessEnv = process.env): string {
  const listed = (env["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
  const standard = listed.length > 0 ? listed : [join(env["HOME"] ?? homedir(), ".kube/config")];
  const paths = configured === "" ? standard : [configured];
  const configs = paths.filter((path) => existsSync(path)).map(readOne);
  if (configs.length === 0) {
    throw new pulumi.RunError(
      `plonk:kubeconfig: expected a kubeconfig file, got none at ${paths.join(", ")}`,
    );
  }
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": configs.map((config) => config["current-context"]).find(Boolean) ?? "",
    clusters: mergeByName(configs.map(({ clusters }) => clusters)),
    contexts: mergeByName(configs.map(({ contexts }) => contexts)),
    users: mergeByName(configs.map(({ users }) => users)),
  });
}

function mergeByName(lists: (Named[] | undefined)[]): Named[] {
  const merged = new Map<string, Named>();
  for (const item of lists.flatMap((list) => list ?? [])) {
    if (!merged.has(item.name)) {
      merged.set(item.name, item);
    }
  }
  return [...merged.values()];
}

function readOne(path: string): Kubeconfig {
  const config = parseFile(path);
  const directory = dirname(resolve(path));
  for (const { cluster, user } of [...(config.clusters ?? []), ...(config.users ?? [])]) {
    for (const part of [cluster, user]) {
      if (part) {
        embedFiles(part, directory);
      }
    }
  }
  return config;
}

function parseFile(path: string): Kubeconfig {
  try {
    const config: unknown = parse(readFileSync(path, "utf8"));
    if (typeof config === "object" && config !== null) {
      return config;
    }
  } catch {
    // The parser's message quotes the file, which has secrets in it.
  }
  throw new pulumi.RunError(
    `plonk:kubeconfig: expected a kubeconfig, got something else in ${path}`,
  );
}

/** Embeds files, as relative paths of a kubeconfig would be meaningless in the stack's state. */
function embedFiles(part: Record<string, unknown>, directory: string): void {
  for (const [field, data] of Object.entries(FILES)) {
    const path = part[field];
    if (typeof path !== "string" || path === "") {
      continue;
    }
    part[data] ??= readReferenced(field, toAbsolute(path, directory)).toString("base64");
    Reflect.deleteProperty(part, field);
  }
  // Token files stay files, as tokens are renewed.
  if (typeof part["tokenFile"] === "string") {
    part["tokenFile"] = toAbsolute(part["tokenFile"], directory);
  }
  const { exec } = part as { exec?: { command?: string } };
  if (exec?.command?.includes("/")) {
    exec.command = toAbsolute(exec.command, directory);
  }
}

function toAbsolute(path: string, directory: string): string {
  return isAbsolute(path) ? path : resolve(directory, path);
}

function readReferenced(field: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new pulumi.RunError(`plonk:kubeconfig: expected the ${field} at ${path}, got ${code}`);
  }
}
