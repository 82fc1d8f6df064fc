/** ServiceAccounts and what each of them may do: no more than the part needs. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { CRD } from "../../services/contract/index.ts";
import type { PlatformContext } from "./context.ts";
import { toMetadata } from "./pods.ts";

type Rule = k8s.types.input.rbac.v1.PolicyRule;

const READ = ["get", "list", "watch"];
const FUNCTIONS = CRD.plural;

/**
 * The gateway changes Functions, their scale and their secrets (it answers with names only), and
 * reads where their pods are and what they log.
 */
const GATEWAY_RULES: Rule[] = [
  {
    apiGroups: [CRD.group],
    resources: [FUNCTIONS],
    verbs: [...READ, "create", "update", "patch", "delete"],
  },
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
  { apiGroups: [""], resources: ["pods"], verbs: READ },
  { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
];

/** The operator makes what a Function needs, and says so in its status. */
const OPERATOR_RULES: Rule[] = [
  { apiGroups: [CRD.group], resources: [FUNCTIONS], verbs: READ },
  {
    apiGroups: [CRD.group],
    resources: [`${FUNCTIONS}/status`, `${FUNCTIONS}/scale`],
    verbs: ["get", "update", "patch"],
  },
  // Where OwnerReferencesPermissionEnforcement is on, `blockOwnerDeletion` asks for this.
  { apiGroups: [CRD.group], resources: [`${FUNCTIONS}/finalizers`], verbs: ["update"] },
  {
    apiGroups: ["apps"],
    resources: ["deployments"],
    verbs: [...READ, "create", "update", "patch", "delete"],
  },
  {
    apiGroups: [""],
    resources: ["services"],
    verbs: [...READ, "create", "update", "patch", "delete"],
  },
  { apiGroups: [""], resources: ["configmaps"], verbs: [...READ, "patch", "delete"] },
  { apiGroups: [""], resources: ["pods"], verbs: READ },
  // To say which secret is missing; the values are mounted by kubelet, not read here.
  { apiGroups: [""], resources: ["secrets"], verbs: ["get"] },
  {
    apiGroups: ["", "events.k8s.io"],
    resources: ["events"],
    verbs: ["create", "patch"],
  },
];

/** Leader election, in the platform's own namespace. */
const LEASE_RULES: Rule[] = [
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    verbs: ["get", "create", "update", "patch"],
  },
];

interface Grant {
  account: string;
  /** `platform` or `functions`: where the rules hold. */
  place: "platform" | "functions";
  rules: Rule[];
}

const GRANTS: Grant[] = [
  { account: "gateway", place: "functions", rules: GATEWAY_RULES },
  { account: "operator", place: "functions", rules: OPERATOR_RULES },
  { account: "operator", place: "platform", rules: LEASE_RULES },
];

const ACCOUNTS = ["gateway", "operator", "queue-worker", "prometheus"] as const;
export type Account = (typeof ACCOUNTS)[number];

/** Names of the ServiceAccounts; known when the account and all its rights exist. */
export type Accounts = Record<Account, pulumi.Output<string>>;

/** Creates all ServiceAccounts, Roles and RoleBindings. */
export function createAccounts(context: PlatformContext): Accounts {
  const entries = ACCOUNTS.map((account) => [account, createAccount(context, account)] as const);
  return Object.fromEntries(entries) as Accounts;
}

function createAccount(context: PlatformContext, account: Account): pulumi.Output<string> {
  const serviceAccount = new k8s.core.v1.ServiceAccount(
    `${context.name}-${account}-account`,
    { metadata: toMetadata(account, context.namespace), automountServiceAccountToken: false },
    context.options,
  );
  const bindings = GRANTS.filter((grant) => grant.account === account).map(
    (grant) => createGrant(context, grant).metadata.name,
  );
  return pulumi.all([serviceAccount.metadata.name, ...bindings]).apply(([name = ""]) => name);
}

function createGrant(context: PlatformContext, grant: Grant): k8s.rbac.v1.RoleBinding {
  const { account, place, rules } = grant;
  const namespace = place === "platform" ? context.namespace : context.functionNamespace;
  const metadata = toMetadata(account, namespace, `plonk-${account}`);
  const role = new k8s.rbac.v1.Role(
    `${context.name}-${account}-${place}-role`,
    { metadata, rules },
    context.options,
  );
  return new k8s.rbac.v1.RoleBinding(
    `${context.name}-${account}-${place}-binding`,
    {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
      subjects: [{ kind: "ServiceAccount", name: account, namespace: context.namespace }],
    },
    context.options,
  );
}
