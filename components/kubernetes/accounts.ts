/** ServiceAccounts and what each of them may do: no more than the part needs. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { toLabels, toMetadata } from "./pods.ts";
import type { PartContext } from "./workloads.ts";

/** A rule of a Role or ClusterRole. */
export interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  /** Names of the only objects that are meant. */
  resourceNames?: string[];
}

/** Rights of an account in one place. */
export interface Grant {
  /**
   * Where the rules hold. Those of `functions` are a ClusterRole that is bound in the platform's
   * function namespace; the operator binds it in others.
   */
  place: "platform" | "functions" | "cluster";
  /** Name of the role and its binding. */
  name: string;
  rules: Rule[];
}

interface AccountArgs {
  /** Name of the ServiceAccount. */
  account: string;
  grants: Grant[];
  /** Where the rights of the place `functions` are bound. */
  functionNamespace?: pulumi.Input<string>;
}

/**
 * Creates a ServiceAccount, its roles and their bindings. Returns its name, which is known when
 * the account and all its rights exist.
 */
export function createAccount(context: PartContext, args: AccountArgs): pulumi.Output<string> {
  const { account, grants, functionNamespace = context.namespace } = args;
  const serviceAccount = new k8s.core.v1.ServiceAccount(
    `${context.name}-${account}-account`,
    { metadata: toMetadata(account, context.namespace), automountServiceAccountToken: false },
    context.options,
  );
  const bindings = grants.map(
    (grant) => createGrant(context, { ...grant, account, functionNamespace }).metadata.name,
  );
  return pulumi.all([serviceAccount.metadata.name, ...bindings]).apply(([name = ""]) => name);
}

type Binding = k8s.rbac.v1.RoleBinding | k8s.rbac.v1.ClusterRoleBinding;

type Bound = Grant & { account: string; functionNamespace: pulumi.Input<string> };

function createGrant(context: PartContext, grant: Bound): Binding {
  const { account, place, name } = grant;
  const roleRef = createRole(context, grant);
  const subjects = [{ kind: "ServiceAccount", name: account, namespace: context.namespace }];
  const logicalName = `${context.name}-${account}-${place}-binding`;
  if (place === "cluster") {
    const metadata = { name, labels: toLabels(account) };
    const args = { metadata, roleRef, subjects };
    return new k8s.rbac.v1.ClusterRoleBinding(logicalName, args, context.options);
  }
  const namespace = place === "platform" ? context.namespace : grant.functionNamespace;
  const args = { metadata: toMetadata(account, namespace, name), roleRef, subjects };
  return new k8s.rbac.v1.RoleBinding(logicalName, args, context.options);
}

function createRole(
  context: PartContext,
  { account, place, name, rules }: Bound,
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
