/** Extracts and validates one context of a kubeconfig. */
import { type Static, Type } from "typebox";
import { Check, Errors } from "typebox/schema";
import { parse, stringify } from "yaml";
import { ArgumentError } from "../errors.ts";

/** The used part of https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/. */
const Kubeconfig = Type.Object({
  "current-context": Type.Optional(Type.String()),
  clusters: Type.Array(
    Type.Object({ name: Type.String(), cluster: Type.Object({ server: Type.String() }) }),
  ),
  contexts: Type.Array(
    Type.Object({
      name: Type.String(),
      context: Type.Object({ cluster: Type.String(), user: Type.String() }),
    }),
  ),
  users: Type.Array(Type.Object({ name: Type.String() })),
});
type Kubeconfig = Static<typeof Kubeconfig>;

/** A context of a kubeconfig. */
export interface KubeconfigFacts {
  /** Name of the context. */
  context: string;
  /** URL of the API server. */
  server: string;
  /** A kubeconfig, YAML, with only this context: the state needs no other clusters and users. */
  text: string;
}

/**
 * Finds the cluster of a context. Errors never quote the content.
 *
 * @param context the current one when undefined
 * @throws ArgumentError
 */
export function readKubeconfig(content: string, context: string | undefined): KubeconfigFacts {
  const config = parseKubeconfig(content);
  const wanted = context ?? config["current-context"] ?? "";
  const names = config.contexts.map(({ name }) => name);
  const found = config.contexts.find(({ name }) => name === wanted);
  if (!found) {
    throw new ArgumentError(
      `context: expected one of the kubeconfig's (${names.join(", ")}), got "${wanted}"`,
    );
  }
  const server = config.clusters.find(({ name }) => name === found.context.cluster);
  if (!server) {
    throw new ArgumentError(
      `kubeconfig: expected the cluster "${found.context.cluster}" of context "${wanted}", ` +
        "got none of that name",
    );
  }
  checkServer(server.cluster.server);
  const text = stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": wanted,
    clusters: [server],
    contexts: [found],
    users: config.users.filter(({ name }) => name === found.context.user),
  });
  return { context: wanted, server: server.cluster.server, text };
}

function parseKubeconfig(text: string): Kubeconfig {
  const value = parseYaml(text);
  if (Check(Kubeconfig, value)) {
    return value;
  }
  const [, [first]] = Errors(Kubeconfig, value);
  const place = first?.instancePath.slice(1).replaceAll("/", ".");
  throw new ArgumentError(
    `kubeconfig: expected the content of a kubeconfig file, got ${
      place ? `something else at ${place}: ${first?.message ?? ""}` : "something else"
    }`,
  );
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    throw new ArgumentError("kubeconfig: expected YAML or JSON, got something else");
  }
}

function checkServer(server: string): void {
  if (URL.canParse(server) && new URL(server).hostname !== "") {
    return;
  }
  throw new ArgumentError(`kubeconfig: expected a URL as server, got "${server}"`);
}
