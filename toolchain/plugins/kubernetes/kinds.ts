/** The kinds that the plugin covers, and what it has to know of each; all others are refused. */

/** What the API calls a kind. */
export interface Gvk {
  /** Empty for the core group. */
  group: string;
  version: string;
  kind: string;
}

export interface KindRules {
  /** Name of the collection in URLs. */
  plural: string;
  namespaced: boolean;
  /** Input paths that cannot change in place. A path covers all that is below it. */
  immutable: readonly string[];
}

function namespaced(plural: string, ...immutable: string[]): KindRules {
  return { plural, namespaced: true, immutable };
}

function cluster(plural: string, ...immutable: string[]): KindRules {
  return { plural, namespaced: false, immutable };
}

/** Group -> kind -> rules. `core` stands for the core group, as in type tokens. */
const KINDS: Record<string, Record<string, KindRules>> = {
  core: {
    Namespace: cluster("namespaces"),
    // What is replaced for other reasons than the API's own is in replacement.ts.
    ConfigMap: namespaced("configmaps"),
    Secret: namespaced("secrets", "type"),
    Service: namespaced("services", "spec.clusterIP", "spec.clusterIPs", "spec.type"),
    ServiceAccount: namespaced("serviceaccounts"),
    PersistentVolumeClaim: namespaced(
      "persistentvolumeclaims",
      "spec.accessModes",
      "spec.dataSource",
      "spec.dataSourceRef",
      "spec.selector",
      "spec.storageClassName",
      "spec.volumeMode",
      "spec.volumeName",
    ),
  },
  apps: {
    Deployment: namespaced("deployments", "spec.selector"),
    StatefulSet: namespaced(
      "statefulsets",
      "spec.podManagementPolicy",
      "spec.selector",
      "spec.serviceName",
      "spec.volumeClaimTemplates",
    ),
    DaemonSet: namespaced("daemonsets", "spec.selector"),
  },
  batch: {
    Job: namespaced(
      "jobs",
      "spec.completionMode",
      "spec.completions",
      "spec.manualSelector",
      "spec.podFailurePolicy",
      "spec.selector",
      "spec.template",
    ),
  },
  "rbac.authorization.k8s.io": {
    Role: namespaced("roles"),
    RoleBinding: namespaced("rolebindings", "roleRef"),
    ClusterRole: cluster("clusterroles"),
    ClusterRoleBinding: cluster("clusterrolebindings", "roleRef"),
  },
  "networking.k8s.io": { NetworkPolicy: namespaced("networkpolicies") },
  policy: { PodDisruptionBudget: namespaced("poddisruptionbudgets") },
  "scheduling.k8s.io": { PriorityClass: cluster("priorityclasses", "preemptionPolicy", "value") },
  "storage.k8s.io": {
    StorageClass: cluster(
      "storageclasses",
      "parameters",
      "provisioner",
      "reclaimPolicy",
      "volumeBindingMode",
    ),
  },
  "coordination.k8s.io": { Lease: namespaced("leases") },
  "apiextensions.k8s.io": {
    CustomResourceDefinition: cluster("customresourcedefinitions", "spec.group", "spec.scope"),
  },
};

/** Groups of Kubernetes itself: a kind of theirs that is not in the table is no custom resource. */
const BUILT_IN_GROUPS = new Set([
  ...Object.keys(KINDS),
  "admissionregistration.k8s.io",
  "apiregistration.k8s.io",
  "auditregistration.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "autoscaling",
  "certificates.k8s.io",
  "discovery.k8s.io",
  "events.k8s.io",
  "extensions",
  "flowcontrol.apiserver.k8s.io",
  "helm.sh",
  "internal.apiserver.k8s.io",
  "meta",
  "node.k8s.io",
  "resource.k8s.io",
  "settings.k8s.io",
  "storagemigration.k8s.io",
]);

const TOKEN = /^kubernetes:([^/:]+)\/([^/:]+):([^/:]+)$/;

/**
 * The kind behind a type token, e.g. `kubernetes:apps/v1:Deployment`.
 * @throws Error when the plugin does not cover the kind
 */
export function parseToken(token: string): Gvk {
  const [, tokenGroup, version, kind] = TOKEN.exec(token) ?? [];
  if (tokenGroup === undefined || version === undefined || kind === undefined) {
    throw new Error(refusal(token));
  }
  const isBuiltIn = BUILT_IN_GROUPS.has(tokenGroup);
  if (isBuiltIn && (version !== "v1" || !lookUp(tokenGroup, kind))) {
    throw new Error(refusal(token));
  }
  return { group: tokenGroup === "core" ? "" : tokenGroup, version, kind };
}

function refusal(token: string): string {
  const kinds = Object.values(KINDS).flatMap((group) => Object.keys(group));
  return (
    `type: expected one of the kinds that this plugin covers (${kinds.join(", ")}, and custom ` +
    `resources), got ${token}; the vendor's own plugin covers all of them`
  );
}

/** The rules of a built-in kind; undefined for a custom resource. */
export function findRules({ group, kind }: Gvk): KindRules | undefined {
  return lookUp(group === "" ? "core" : group, kind);
}

/** Own entries only: a kind may be called like what every object has. */
function lookUp(group: string, kind: string): KindRules | undefined {
  const kinds = Object.hasOwn(KINDS, group) ? KINDS[group] : undefined;
  return kinds && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
}

/** `apiVersion` of an object of the kind. */
export function toApiVersion({ group, version }: Gvk): string {
  return group === "" ? version : `${group}/${version}`;
}
