/** Which cluster a kubeconfig points at. Light: a run without changes needs no more than this. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { parse } from "yaml";
import { getItems, getString } from "./metadata.ts";
import type { Bag, Value } from "../lib/values.ts";
import type { Settings } from "./settings.ts";

export interface Target {
  /** Name of the cluster in the kubeconfig. */
  cluster: string;
  /** URL of the API server. */
  server: string;
  /** Namespace of the context. @default `default` */
  namespace: string;
}

/** Text of a kubeconfig, and the folder that its relative paths start from. */
export interface KubeconfigText {
  text: string;
  /** Undefined for content that came as a value. */
  file: string | undefined;
}

/**
 * The kubeconfig that the settings name, or kubectl's default one. Undefined when there is none.
 * @throws Error when a file that is named cannot be read
 */
export function findKubeconfig(settings: Settings): KubeconfigText | undefined {
  const given = settings.kubeconfig;
  if (given === undefined) return findDefault();
  // A path has one line, content has several or is JSON.
  if (given.includes("\n") || given.trimStart().startsWith("{")) {
    return { text: given, file: undefined };
  }
  const file = given.startsWith("~/") ? join(homedir(), given.slice(2)) : given;
  if (!existsSync(file)) {
    throw new Error("kubeconfig: expected the content or the path of a kubeconfig, got neither");
  }
  return { text: readFileSync(file, "utf8"), file };
}

function findDefault(): KubeconfigText | undefined {
  const named = process.env["KUBECONFIG"]?.split(delimiter).filter((path) => path !== "") ?? [];
  const files = named.length > 0 ? named : [join(homedir(), ".kube/config")];
  const file = files.find((path) => existsSync(path));
  return file === undefined ? undefined : { text: readFileSync(file, "utf8"), file };
}

/**
 * Cluster, server and namespace of the chosen context. Undefined when there is no kubeconfig.
 * @throws Error when the text is no kubeconfig, or lacks the chosen context or cluster
 */
export function readTarget(settings: Settings): Target | undefined {
  const found = findKubeconfig(settings);
  if (!found) return undefined;
  const config = parseKubeconfig(found.text);
  const contextName = settings.context ?? getString(config, "current-context") ?? "";
  const context = findNamed(config, "contexts", contextName);
  const clusterName = settings.cluster ?? getString(context, "context", "cluster") ?? "";
  const cluster = findNamed(config, "clusters", clusterName);
  const server = getString(cluster, "cluster", "server");
  if (context === undefined && settings.context !== undefined) {
    throw new Error(`context: expected a context of the kubeconfig, got ${contextName}`);
  }
  if (server === undefined) {
    throw new Error(
      `kubeconfig: expected a cluster named "${clusterName}" with a server, got none`,
    );
  }
  const namespace = getString(context, "context", "namespace") ?? "default";
  return { cluster: clusterName, server, namespace };
}

/** The parser's own message quotes the text, which holds credentials. */
function parseKubeconfig(text: string): Bag {
  try {
    const config = parse(text) as Value;
    if (typeof config === "object" && config !== null) return config as Bag;
  } catch {
    // Said below, the same for what is no YAML and what is no mapping.
  }
  throw new Error("kubeconfig: expected YAML or JSON of a kubeconfig, got something else");
}

function findNamed(config: Bag, list: string, name: string): Value | undefined {
  return getItems(config, list).find((item) => getString(item, "name") === name);
}
