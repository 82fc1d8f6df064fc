/** ServiceAccounts and what each of them may do: no more than the part needs. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { FUNCTION_ROLE } from "../../contract/index.ts";
import type { PlatformContext } from "./context.ts";
import { toLabels, toMetadata } from "./pods.ts";
import {
  GATEWAY_CLUSTER_RULES,
  GATEWAY_FUNCTION_RULES,
  LEASE_RULES,
  OPERATOR_CLUSTER_RULES,
  OPERATOR_FUNCTION_RULES,
  PROMETHEUS_CLUSTER_RULES,
  type Rule,
} from "./rbac-rules.ts";

interface Grant {
  account: string;
  /**
   * Where the rules hold. Those of `functions` are a ClusterRole that is bound in the platform's
   * function namespace; the operator binds it in others.
   */
  place: "platform" | "functions" | "cluster";
  /** Name of the role and its binding. */
  name: string;
  rules: Rule[];
}

const GRANTS: Grant[] = [
  {
    account: "gateway",
    place: "functions",
    name: FUNCTION_ROLE.gateway,
    rules: GATEWAY_FUNCTION_RULES,
  },
  { account: "gateway", place: "cluster", name: "plonk-gateway", rules: GATEWAY_CLUSTER_RULES },
  {
    account: "operator",
    place: "functions",
    name: FUNCTION_ROLE.operator,
    rules: OPERATOR_FUNCTION_RULES,
  },
  { account: "operator", place: "cluster", name: "plonk-operator", rules: OPERATOR_CLUSTER_RULES },
  { account: "operator", place: "platform", name: "plonk-operator", rules: LEASE_RULES },
  {
    account: "prometheus",
    place: "cluster",
    name: "plonk-prometheus",
    rules: PROMETHEUS_CLUSTER_RULES,
  },
];

const ACCOUNTS = ["gateway", "operator", "queue-worker", "prometheus"] as const;
export type Account = (typeof ACCOUNTS)[number];

/** Names of the ServiceAccounts; known when the account and all its rights exist. */
export type Accounts = Record<Account, pulumi.Output<string>>;

/** Creates all ServiceAccounts, roles and bindings. */
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

type Binding = k8s.rbac.v1.RoleBinding | k8s.rbac.v1.ClusterRoleBinding;

function createGrant(context: PlatformContext, grant: Grant): Binding {
  const { account, place, name } = grant;
  const roleRef = createRole(context, grant);
  const subjects = [{ kind: "ServiceAccount", name: account, namespace: context.namespace }];
  const logicalName = `${context.name}-${account}-${place}-binding`;
  if (place === "cluster") {
    const metadata = { name, labels: toLabels(account) };
    const args = { metadata, roleRef, subjects };
    return new k8s.rbac.v1.ClusterRoleBinding(logicalName, args, context.options);
  }
  const namespace = place === "platform" ? context.namespace : context.functionNamespace;
  const args = { metadata: toMetadata(account, namespace, name), roleRef, subjects };
  return new k8s.rbac.v1.RoleBinding(logicalName, args, context.options);
}

function createRole(
  context: PlatformContext,
  { account, place, name, rules }: Grant,
): k8s.types.input.rbac.v1.RoleRef {
  const logicalName = `${context.name}-${account}-${place}-role`;
  const isNamespaced = place === "platform";
  const role = isNamespaced
    ? new k8s.rbac.v1.Role(
        logicalName,
        { metadata: toMetadata(account, context.namespace, name), rules },
        context.options,
      )
    : new k8s.rbac.v1.ClusterRole(
        logicalName,
        { metadata: { name, labels: toLabels(account) }, rules },
        context.options,
      );
  return {
    apiGroup: "rbac.authorization.k8s.io",
    kind: isNamespaced ? "Role" : "ClusterRole",
    name: role.metadata.name,
  };
}
