/** The provider's configuration: what is set on the provider resource or in the environment. */
import { hasUnknown, reveal, type Bag, type Value } from "../lib/values.ts";
import type { CheckFailure } from "../lib/provider.ts";

export interface Settings {
  /** Content of a kubeconfig, or path of one. @default `$KUBECONFIG`, then `~/.kube/config` */
  kubeconfig: string | undefined;
  /** Context of the kubeconfig. @default its current one */
  context: string | undefined;
  /** Cluster of the kubeconfig, in place of the context's. */
  cluster: string | undefined;
  /** Namespace of objects that name none. @default the context's, then `default` */
  namespace: string | undefined;
  /** Says which cluster it is: a change replaces all resources, and nothing else does. */
  clusterIdentifier: string | undefined;
  /** Treat resources of an unreachable cluster as deleted. @default false */
  deleteUnreachable: boolean;
  enableConfigMapMutable: boolean;
  enableSecretMutable: boolean;
}

/** Environment variables that stand in for settings, as the provider's documentation has them. */
const ENVIRONMENT: Record<string, string> = {
  clusterIdentifier: "PULUMI_K8S_CLUSTER_IDENTIFIER",
  deleteUnreachable: "PULUMI_K8S_DELETE_UNREACHABLE",
  enableConfigMapMutable: "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
  enableSecretMutable: "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
  enableServerSideApply: "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
};

/** Reads checked provider inputs. */
export function readSettings(inputs: Bag, environment: NodeJS.ProcessEnv): Settings {
  const read = (name: string): string | undefined => readText(inputs, name, environment);
  return {
    kubeconfig: read("kubeconfig"),
    context: read("context"),
    cluster: read("cluster"),
    namespace: read("namespace"),
    clusterIdentifier: read("clusterIdentifier"),
    deleteUnreachable: read("deleteUnreachable") === "true",
    enableConfigMapMutable: read("enableConfigMapMutable") === "true",
    enableSecretMutable: read("enableSecretMutable") === "true",
  };
}

/** What is wrong with the provider's inputs, or asks for what this plugin does not do. */
export function checkSettings(inputs: Bag, environment: NodeJS.ProcessEnv): CheckFailure[] {
  if (hasUnknown(inputs)) return [];
  const failures: CheckFailure[] = [];
  if (readText(inputs, "enableServerSideApply", environment) === "false") {
    failures.push({
      property: "enableServerSideApply",
      reason:
        "enableServerSideApply: must be true, this plugin applies on the server only, got false",
    });
  }
  if (readText(inputs, "renderYamlToDirectory", environment) !== undefined) {
    failures.push({
      property: "renderYamlToDirectory",
      reason: "renderYamlToDirectory: must not be set, this plugin does not render",
    });
  }
  return failures;
}

/** The SDK sends what is no string as JSON text, the command line as plain text. */
function readText(inputs: Bag, name: string, environment: NodeJS.ProcessEnv): string | undefined {
  const value = toText(inputs[name]);
  const variable = ENVIRONMENT[name];
  return value ?? (variable === undefined ? undefined : environment[variable]);
}

function toText(value: Value | undefined): string | undefined {
  const plain = value === undefined ? undefined : reveal(value);
  if (typeof plain === "string") return plain === "" ? undefined : plain;
  return typeof plain === "boolean" || typeof plain === "number" ? String(plain) : undefined;
}
