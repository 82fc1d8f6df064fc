/**
 * What the gateway may do, as Kubernetes' rules: over the whole cluster only what tells where
 * functions are, in function namespaces what the REST API needs, and in all others nothing.
 */
import { CRD, PROFILE, QUEUE_WORKER } from "../../contract/index.ts";
import type { Rule } from "../kubernetes/accounts.ts";

const READ = ["get", "list", "watch"];
const WRITE = ["create", "update", "patch", "delete"];
const FUNCTIONS = CRD.plural;

/**
 * In function namespaces the gateway changes Functions, their scale, their code and their secrets
 * (of which it asks for metadata only), and reads what their pods log and use.
 */
export const GATEWAY_FUNCTION_RULES: Rule[] = [
  { apiGroups: [CRD.group], resources: [FUNCTIONS], verbs: [...READ, ...WRITE] },
  {
    apiGroups: [CRD.group],
    resources: [`${FUNCTIONS}/scale`],
    verbs: ["get", "update", "patch"],
  },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: READ },
  {
    apiGroups: [""],
    resources: ["secrets"],
    verbs: ["get", "list", "create", "update", "delete"],
  },
  { apiGroups: [""], resources: ["configmaps"], verbs: ["get", "create"] },
  { apiGroups: [""], resources: ["pods"], verbs: READ },
  { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
  { apiGroups: ["metrics.k8s.io"], resources: ["pods"], verbs: ["get", "list"] },
];

/** Name of the rights over the cluster and of their binding, of which a cluster has one. */
export const GATEWAY_BINDING = "plonk-gateway";

/** Over the cluster the gateway reads where functions and their pods are, and makes namespaces. */
export const GATEWAY_CLUSTER_RULES: Rule[] = [
  { apiGroups: [CRD.group], resources: [FUNCTIONS], verbs: READ },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: READ },
  {
    apiGroups: [""],
    resources: ["namespaces"],
    verbs: [...READ, "create", "patch", "delete"],
  },
];

/** In the platform's namespace the gateway looks for the profiles that deployments name. */
export const PROFILE_RULES: Rule[] = [
  { apiGroups: [PROFILE.group], resources: [PROFILE.plural], verbs: ["get"] },
];

/** There, too, it changes how many queue-workers there are. */
export const QUEUE_WORKER_RULES: Rule[] = [
  {
    apiGroups: ["apps"],
    resources: ["deployments/scale"],
    verbs: ["get", "patch"],
    resourceNames: [QUEUE_WORKER],
  },
];
