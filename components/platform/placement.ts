/** Tells where the platform of a cluster is: it does not move. */
import { type ClusterApi, ifAllowed, openApi, readIfThere } from "../cluster/api.ts";
import { ArgumentError } from "../errors.ts";
import { GATEWAY_BINDING } from "../gateway/rbac-rules.ts";

/** Names of its namespaces. */
export interface Placement {
  namespace: string;
  functionNamespace: string;
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
  check("namespace", there?.namespace, wanted.namespace);
  check("functionNamespace", there?.functionNamespace, wanted.functionNamespace);
}

function check(field: string, there: string | undefined, wanted: string): void {
  if (there === undefined || there === wanted) {
    return;
  }
  throw new ArgumentError(
    `${field}: must stay that of the platform which is there ("${there}"), got "${wanted}"; ` +
      "destroy that one first",
  );
}

/** What the gateway's rights and the operator's Deployment say of it, where they may be read. */
async function readPlacement(api: ClusterApi): Promise<Partial<Placement>> {
  const binding = await ifAllowed(api.rbac.readClusterRoleBinding({ name: GATEWAY_BINDING }));
  const namespace = binding?.subjects?.[0]?.namespace;
  if (namespace === undefined) {
    return {};
  }
  const functionNamespace = await readFunctionNamespace(api, namespace);
  return { namespace, ...(functionNamespace !== undefined && { functionNamespace }) };
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
