/**
 * What the operator may do, as Kubernetes' rules: over the whole cluster only
 * what tells where functions are, in function namespaces what functions need, and in all others
 * nothing.
 */
import { CRD, FUNCTION_POLICY, FUNCTION_ROLE, PROFILE } from "../../contract/index.ts";
import type { Rule } from "../kubernetes/accounts.ts";

const READ = ["get", "list", "watch"];
const WRITE = ["create", "update", "patch", "delete"];
const FUNCTIONS = CRD.plural;
const RBAC = "rbac.authorization.k8s.io";
const ROLES: string[] = Object.values(FUNCTION_ROLE);
const POLICIES = Object.values(FUNCTION_POLICY);

/** In function namespaces the operator makes what a Function needs, and says so in its status. */
export const OPERATOR_FUNCTION_RULES: Rule[] = [
  { apiGroups: [CRD.group], resources: [FUNCTIONS], verbs: READ },
  {
    apiGroups: [CRD.group],
    resources: [`${FUNCTIONS}/status`, `${FUNCTIONS}/scale`],
    verbs: ["get", "update", "patch"],
  },
  // Where OwnerReferencesPermissionEnforcement is on, `blockOwnerDeletion` asks for this.
  { apiGroups: [CRD.group], resources: [`${FUNCTIONS}/finalizers`], verbs: ["update"] },
  { apiGroups: ["apps"], resources: ["deployments"], verbs: [...READ, ...WRITE] },
  { apiGroups: [""], resources: ["services"], verbs: [...READ, ...WRITE] },
  {
    apiGroups: ["policy"],
    resources: ["poddisruptionbudgets"],
    verbs: [...READ, "create", "update", "patch"],
  },
  { apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "patch", "delete"] },
  { apiGroups: [""], resources: ["pods"], verbs: READ },
  // What they take of processor, for functions that are scaled by it.
  { apiGroups: ["metrics.k8s.io"], resources: ["pods"], verbs: ["get", "list"] },
  // To say which is missing and which is a login: kubelet reads the values, metadata comes here.
  { apiGroups: [""], resources: ["secrets"], verbs: ["get"] },
  { apiGroups: ["", "events.k8s.io"], resources: ["events"], verbs: ["create", "patch"] },
  // Kubelet says in Events alone why a pod does not come to have containers.
  { apiGroups: [""], resources: ["events"], verbs: ["list"] },
  {
    apiGroups: ["networking.k8s.io"],
    resources: ["networkpolicies"],
    verbs: ["create", "get", "patch"],
    resourceNames: POLICIES,
  },
];

/**
 * Over the cluster the operator reads Functions, says of one in a wrong place that it is, and
 * gives gateway and itself their rights in a namespace that is marked, and no other rights.
 */
export const OPERATOR_CLUSTER_RULES: Rule[] = [
  { apiGroups: [CRD.group], resources: [FUNCTIONS], verbs: READ },
  { apiGroups: [CRD.group], resources: [`${FUNCTIONS}/status`], verbs: ["patch"] },
  { apiGroups: [""], resources: ["namespaces"], verbs: [...READ, "patch"] },
  {
    apiGroups: [RBAC],
    resources: ["rolebindings"],
    // One that somebody made of another role has to go: its role cannot be changed.
    verbs: ["create", "get", "patch", "delete"],
    resourceNames: ROLES,
  },
  { apiGroups: [RBAC], resources: ["clusterroles"], verbs: ["bind"], resourceNames: ROLES },
];

/** In the platform's own namespace: leader election, profiles, and the gateways, which count. */
export const OPERATOR_PLATFORM_RULES: Rule[] = [
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    verbs: ["get", "create", "update", "patch"],
  },
  { apiGroups: [PROFILE.group], resources: [PROFILE.plural], verbs: READ },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: READ },
];
