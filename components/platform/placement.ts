/** Tells where the platform of a cluster is: it does not move. */
import { FIELD_MANAGER } from "../../contract/index.ts";
import { type ClusterApi, ifAllowed, openApi, readIfThere } from "../cluster/api.ts";
import { ArgumentError } from "../errors.ts";
import { MANAGER_ANNOTATION, toFieldManager } from "../field-manager.ts";
import { GATEWAY_BINDING } from "../gateway/rbac-rules.ts";

/** Names of its namespaces. */
export interface Placement {
  namespace: string;
  functionNamespace: string;
}

/** What is there. */
interface Found extends Placement {
  /** Field manager of the stack that made it. */
  manager: string;
}

/**
 * Refuses other namespaces than those of the platform that is on the cluster. Pulumi would make the
 * new ones beside the old ones: the node port and the names of roles are taken, and the operator
 * writes policies and rights in a new namespace of functions at once, as its own.
 *
 * @throws ArgumentError naming the namespace that is there
 */
export async function refuseMove(
  kubeconfig: string,
  wanted: Placement,
  isPreview: boolean,
): Promise<void> {
  const api = await openApi(kubeconfig);
  const there = await readIfThere("the namespaces of the platform", isPreview, () =>
    readPlacement(api),
  );
  refuseNeighbour(there?.manager);
  check("namespace", there?.namespace, wanted.namespace);
  check("functionNamespace", there?.functionNamespace, wanted.functionNamespace);
}

function check(field: string, there: string | undefined, wanted: string): void {
  if (there === undefined || there === wanted) {
    return;
  }
  throw new ArgumentError(
    `${field}: expected that of the platform which is there ("${there}"), got "${wanted}"; ` +
      "destroy that one first",
  );
}

/** A cluster has one platform, as its names and its node port are taken. */
function refuseNeighbour(manager: string | undefined): void {
  const own = toFieldManager();
  const isOfStack = manager?.startsWith(`${FIELD_MANAGER.pulumiPrefix}/`) === true;
  if (!isOfStack || manager === own) {
    return;
  }
  const toStack = (name: string): string => name.slice(FIELD_MANAGER.pulumiPrefix.length + 1);
  throw new ArgumentError(
    `cluster: expected no platform of another stack, got that of ${toStack(manager)} ` +
      `(this one is ${toStack(own)}); destroy that one first`,
  );
}

/** What the gateway's rights and the operator's Deployment say of it, where they may be read. */
async function readPlacement(api: ClusterApi): Promise<Partial<Found>> {
  const binding = await ifAllowed(api.rbac.readClusterRoleBinding({ name: GATEWAY_BINDING }));
  const manager = binding?.metadata?.annotations?.[MANAGER_ANNOTATION];
  const namespace = binding?.subjects?.[0]?.namespace;
  if (namespace === undefined) {
    return {};
  }
  const functionNamespace = await readFunctionNamespace(api, namespace);
  return {
    namespace,
    ...(manager !== undefined && { manager }),
    ...(functionNamespace !== undefined && { functionNamespace }),
  };
}

async function readFunctionNamespace(
  { apps }: ClusterApi,
  namespace: string,
): Promise<string | undefined> {
  const operator = await readIfThere("the namespace of functions", false, () =>
    ifAllowed(apps.readNamespacedDeployment({ name: "operator", namespace })),
  );
  const variables = operator?.spec?.template.spec?.containers[0]?.env ?? [];
  return variables.find(({ name }) => name === "function_namespace")?.value;
}
