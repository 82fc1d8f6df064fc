/** Reads the few things that matter of a kubeconfig, and says what is wrong with it. */
import { Type, type Static } from "typebox";
import { Check, Errors } from "typebox/value";
import { parse } from "yaml";
import { ArgumentError } from "../errors.ts";

/** https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/, as far as it is needed. */
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

/** What a kubeconfig says about the cluster of a context. */
export interface KubeconfigFacts {
  /** Name of the context. */
  context: string;
  /** Host of the API server, without scheme and port. */
  serverHost: string;
}

/**
 * Finds the cluster of a context. The text itself is never part of an error.
 *
 * @param context the current one when undefined
 * @throws ArgumentError
 */
export function readKubeconfig(text: string, context: string | undefined): KubeconfigFacts {
  const config = parseKubeconfig(text);
  const wanted = context ?? config["current-context"] ?? "";
  const names = config.contexts.map(({ name }) => name);
  const found = config.contexts.find(({ name }) => name === wanted);
  if (!found) {
    throw new ArgumentError(
      `context: must be one of the kubeconfig's (${names.join(", ")}), got "${wanted}"`,
    );
  }
  const server = config.clusters.find(({ name }) => name === found.context.cluster);
  if (!server) {
    throw new ArgumentError(
      `kubeconfig: must have the cluster "${found.context.cluster}" of context "${wanted}", ` +
        "got none of that name",
    );
  }
  return { context: wanted, serverHost: toHost(server.cluster.server) };
}

function parseKubeconfig(text: string): Kubeconfig {
  const value = parseYaml(text);
  if (Check(Kubeconfig, value)) return value;
  const [first] = Errors(Kubeconfig, value);
  const place = first?.instancePath.slice(1).replaceAll("/", ".");
  throw new ArgumentError(
    `kubeconfig: must be a kubeconfig file's content, got ${
      place ? `something else at ${place}: ${first?.message ?? ""}` : "something else"
    }`,
  );
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    throw new ArgumentError("kubeconfig: must be YAML or JSON, got something else");
  }
}

function toHost(server: string): string {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url?.hostname) return url.hostname.replace(/^\[(.*)\]$/, "$1");
  throw new ArgumentError(`kubeconfig: server must be a URL, got "${server}"`);
}
