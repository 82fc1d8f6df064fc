/** The rights of gateway and operator on a real API server, as the platform declares them. */
import {
  GATEWAY_CLUSTER_RULES,
  GATEWAY_FUNCTION_RULES,
  PROFILE_RULES,
} from "../../../components/gateway/rbac-rules.ts";
import type { Rule } from "../../../components/kubernetes/accounts.ts";
import {
  OPERATOR_CLUSTER_RULES,
  OPERATOR_FUNCTION_RULES,
  OPERATOR_PLATFORM_RULES,
} from "../../../components/operator/rbac-rules.ts";
import { type KubernetesClient, resourcePath } from "../../../services/lib/kubernetes.ts";
import { createTokenClient } from "../../support/apiserver.ts";
import { until } from "../../support/until.ts";
import type { TestCluster } from "./cluster.ts";

const GROUP = "rbac.authorization.k8s.io";
const PLATFORM = "openfaas";

interface Grant {
  account: string;
  name: string;
  rules: Rule[];
  /** Without it: the whole cluster. */
  namespace?: string;
}

const GRANTS: Grant[] = [
  { account: "gateway", name: "plonk-gateway", rules: GATEWAY_CLUSTER_RULES },
  { account: "gateway", name: "plonk-profiles", rules: PROFILE_RULES, namespace: PLATFORM },
  { account: "operator", name: "plonk-operator", rules: OPERATOR_CLUSTER_RULES },
  { account: "operator", name: "plonk-lease", rules: OPERATOR_PLATFORM_RULES, namespace: PLATFORM },
  ...["gateway", "operator"].map((account) => ({
    account,
    name: `plonk-${account}-functions`,
    rules: account === "gateway" ? GATEWAY_FUNCTION_RULES : OPERATOR_FUNCTION_RULES,
    namespace: "openfaas-fn",
  })),
];

/** Creates the ServiceAccounts with their rights, as `Platform` does, and waits for these. */
export async function grantRights({ client }: TestCluster): Promise<void> {
  const apply = (path: string, object: object): Promise<unknown> =>
    client.apply(path, object, { fieldManager: "test", force: true });
  for (const name of ["gateway", "operator"]) {
    const metadata = { name, namespace: PLATFORM };
    const path = resourcePath({ plural: "serviceaccounts", ...metadata });
    await apply(path, { apiVersion: "v1", kind: "ServiceAccount", metadata });
  }
  for (const { account, name, rules, namespace } of GRANTS) {
    const apiVersion = `${GROUP}/v1`;
    await apply(resourcePath({ group: GROUP, plural: "clusterroles", name }), {
      apiVersion,
      kind: "ClusterRole",
      metadata: { name },
      rules,
    });
    const place = namespace === undefined ? {} : { namespace };
    const plural = namespace === undefined ? "clusterrolebindings" : "rolebindings";
    await apply(resourcePath({ group: GROUP, plural, name, ...place }), {
      apiVersion,
      kind: namespace === undefined ? "ClusterRoleBinding" : "RoleBinding",
      metadata: { name, ...place },
      roleRef: { apiGroup: GROUP, kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name: account, namespace: PLATFORM }],
    });
  }
  for (const grant of GRANTS) {
    await waitForRights(client, grant);
  }
}

/** What decides about rights hears of them by watches of its own, a bit after they are there. */
async function waitForRights(
  client: KubernetesClient,
  { account, rules, namespace }: Grant,
): Promise<void> {
  for (const { apiGroups, resources, verbs, resourceNames } of rules) {
    const [resource = "", subresource] = resources[0]?.split("/") ?? [];
    const [group, verb, name] = [apiGroups[0], verbs[0], resourceNames?.[0]];
    const user = `system:serviceaccount:${PLATFORM}:${account}`;
    const resourceAttributes = { group, resource, subresource, verb, name, namespace };
    const path = resourcePath({ group: "authorization.k8s.io", plural: "subjectaccessreviews" });
    await until(`that ${account} may ${verb} ${resource}`, async () => {
      const { status } = await client.request<{ status: { allowed: boolean } }>(path, {
        method: "POST",
        body: { spec: { user, resourceAttributes } },
      });
      return status.allowed;
    });
  }
}

/** A client that is the ServiceAccount, and may do what that may. */
export async function connectAs(
  { client, kubeconfigPath }: TestCluster,
  name: string,
): Promise<KubernetesClient> {
  const reference = { plural: "serviceaccounts", namespace: PLATFORM, name, subresource: "token" };
  const { status } = await client.request<{ status: { token: string } }>(resourcePath(reference), {
    method: "POST",
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} },
  });
  return createTokenClient(kubeconfigPath, status.token);
}
