/** The namespaces of the platform and of its functions. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ANNOTATION, NAMESPACE, POD_SECURITY } from "../../contract/index.ts";
import { ArgumentChecks, ArgumentError } from "../errors.ts";
import { toLabels } from "../kubernetes/pods.ts";
import {
  type PartContext,
  retainWithCluster,
  toRetainedAnnotations,
} from "../kubernetes/workloads.ts";
import { checkNamespace } from "../namespace.ts";
import type { PlatformArgs } from "./args.ts";
import { refuseMove } from "./placement.ts";

/** Their names, known when they exist. */
export interface Namespaces {
  namespace: pulumi.Output<string>;
  functionNamespace: pulumi.Output<string>;
}

/** Creates both. */
export function createNamespaces(
  context: PartContext,
  args: Pick<PlatformArgs, "namespace" | "functionNamespace">,
): Namespaces {
  const checks = new ArgumentChecks(context.part);
  const platform = checks.apply(args.namespace ?? NAMESPACE.platform, (name) =>
    checkNamespace(name),
  );
  const functions = checks.apply<[string, string], string>(
    pulumi.all([args.functionNamespace ?? NAMESPACE.functions, platform]),
    ([name, other]) => checkOther(checkNamespace(name, "functionNamespace"), other),
  );
  const isPreview = pulumi.runtime.isDryRun();
  checks.applyAsync(
    pulumi.all([context.cluster.kubeconfig, platform, functions]),
    ([kubeconfig, namespace, functionNamespace]) =>
      refuseMove(kubeconfig, { namespace, functionNamespace }, isPreview),
  );
  const options = pulumi.mergeOptions(context.options, {
    dependsOn: checks.passed,
    ...retainWithCluster(context.options),
  });
  return {
    namespace: createNamespace(context, { role: NAMESPACE.platform, name: platform, options }),
    functionNamespace: createNamespace(context, {
      role: NAMESPACE.functions,
      name: functions,
      annotations: { [ANNOTATION.functionNamespace]: "1" },
      options,
    }),
  };
}

/** Functions have none of the rights of the platform, and may be called by fewer. */
function checkOther(name: string, platform: string): string {
  if (name !== platform) {
    return name;
  }
  throw new ArgumentError(
    `functionNamespace: expected another one than the platform's, got ${JSON.stringify(name)}`,
  );
}

interface NamespaceArgs {
  /** The usual name, which the logical name has, too. */
  role: string;
  name: pulumi.Output<string>;
  annotations?: Record<string, string>;
  options: pulumi.CustomResourceOptions;
}

/** A namespace under the `restricted` Pod Security Standard. */
function createNamespace(context: PartContext, args: NamespaceArgs): pulumi.Output<string> {
  const { role, name, annotations = {}, options } = args;
  const labels = { ...toLabels(role), ...POD_SECURITY };
  const created = new k8s.core.v1.Namespace(
    `${context.name}-${role}`,
    {
      metadata: {
        name,
        labels,
        annotations: { ...annotations, ...toRetainedAnnotations(context.options) },
      },
    },
    options,
  );
  return created.metadata.name;
}
