/** `Operator`: the Function definition, and the operator that turns Functions into pods. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { CRD } from "../../contract/index.ts";
import { ArgumentChecks, checkFor } from "../errors.ts";
import { withFieldManager } from "../field-manager.ts";
import {
  checkExisting,
  type ExistingPrometheus,
  PROMETHEUS,
} from "../kubernetes/existing-servers.ts";
import type { PodOptions } from "../kubernetes/pod-options.ts";
import { type ContainerSize, toLabels } from "../kubernetes/pods.ts";
import { CALL_TIMEOUT_SECONDS, Profile } from "../kubernetes/settings.ts";
import {
  comeAfter,
  createContext,
  type PartContext,
  type PlaceArgs,
  retainWithCluster,
  TAKE_OVER,
  toRetainedAnnotations,
} from "../kubernetes/workloads.ts";
import { checkNumbers, type NumberRules } from "../numbers.ts";
import { CRD_NAME, toDefinitionSpec } from "./crd.ts";
import { createOperator } from "./deployment.ts";
import { refuseForeignDefinitions } from "./ownership.ts";
import {
  checkProfileNames,
  createProfileDefinition,
  createProfiles,
  type FunctionProfile,
} from "./profiles.ts";

/** The operator, as `Platform` takes it. */
export interface OperatorOptions {
  /**
   * Pods. One of them works, and the others stand by. Two or more get a PodDisruptionBudget: it
   * cannot be an output.
   * @default 1
   */
  replicas?: number;
  /** Its pods. */
  pod?: PodOptions;
}

/** Arguments of `Operator`. */
export interface OperatorArgs extends OperatorOptions, PlaceArgs {
  /** Reference of its image. */
  image: pulumi.Input<string>;
  /** Namespace of the functions; it has to be there. Others are found by their mark. */
  functionNamespace: pulumi.Input<string>;
  /** Longest call of a function without the label `plonk/call-timeout`, seconds. @default 60 */
  timeoutSeconds?: pulumi.Input<number>;
  /**
   * Namespace of the Prometheus that watches functions, where it is not the platform's own.
   * @default the platform's own watches them
   */
  metricsNamespace?: pulumi.Input<string>;
  /**
   * The Prometheus that functions with a query are scaled by.
   * @default `prometheus` in the part's namespace
   */
  prometheus?: ExistingPrometheus;
  /**
   * Profiles by name, which functions name by `profiles`: what their pods may have of Kubernetes'
   * own, by whoever runs the platform.
   * @default none
   */
  functionProfiles?: Record<string, FunctionProfile>;
  /** Takes over the Function definition of another OpenFaaS on the cluster. @default false */
  adopt?: boolean;
}

/** The objects of an operator on the cluster. */
export interface OperatorNodes {
  /** That of Functions. */
  definition: k8s.apiextensions.v1.CustomResourceDefinition;
  /** That of Profiles. */
  profileDefinition: k8s.apiextensions.v1.CustomResourceDefinition;
  deployment: k8s.apps.v1.Deployment;
}

/** What its container gets. */
export const OPERATOR_SIZES: Record<Profile, ContainerSize> = {
  [Profile.Standard]: { requestMiB: 64, limitMiB: 192, cpuMillis: 20 },
  [Profile.Edge]: { requestMiB: 48, limitMiB: 128, cpuMillis: 10 },
};

/**
 * The Function definition, and the operator, which makes Deployments and Services of Functions.
 * There is one on a cluster. It makes no NetworkPolicies in its own namespace.
 */
export class Operator extends pulumi.ComponentResource {
  /** Name of the Function definition. Known when it exists. */
  public readonly definition: pulumi.Output<string>;
  /** Namespace of the functions. Known when the operator runs, so that Functions come after. */
  public readonly functionNamespace: pulumi.Output<string>;
  /** What is underneath. @internal */
  public readonly nodes: OperatorNodes;

  constructor(name: string, args: OperatorArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:Operator", name, {}, withFieldManager(opts));
    const { image, functionNamespace, pod } = args;
    const checks = new ArgumentChecks(this);
    const checked = checkFor(this, () => {
      checkExisting(PROMETHEUS, "prometheus", args.prometheus);
      checkProfileNames("functionProfiles", Object.keys(args.functionProfiles ?? {}));
      return checkOperator(checks, args);
    });
    const { timeoutSeconds = CALL_TIMEOUT_SECONDS, replicas = 1 } = checked;
    const context = comeAfter(createContext(this, name, args), checks);
    const owners = refuseForeign(context, args);
    const definition = createDefinition(context, args, owners);
    const profileDefinition = createProfileDefinition(context, args, owners);
    const profiles = createProfiles(context, checks, {
      profiles: args.functionProfiles ?? {},
      definition: profileDefinition,
    });
    const size = OPERATOR_SIZES[context.profile];
    const settings = { ...args, pod, image, functionNamespace, timeoutSeconds, replicas, size };
    const deployment = createOperator(context, settings, [definition, profileDefinition]);
    this.definition = definition.metadata.name;
    this.nodes = { definition, profileDefinition, deployment };
    const ready = pulumi.all([
      deployment.metadata.name,
      ...profiles.map(({ metadata }) => metadata.name),
    ]);
    this.functionNamespace = pulumi
      .all([functionNamespace, ready])
      .apply(([namespace]) => namespace);
    this.registerOutputs({
      definition: this.definition,
      functionNamespace: this.functionNamespace,
    });
  }
}

const NUMBERS: NumberRules<OperatorArgs> = { replicas: {}, timeoutSeconds: {} };

/**
 * Refuses what is wrong, and returns the rest.
 *
 * @param prefix what stands before the names of the fields, e.g. `operator.`
 */
export function checkOperator<T extends OperatorOptions>(
  checks: ArgumentChecks,
  options: T,
  prefix = "",
): T {
  return checkNumbers(checks, { prefix, rules: NUMBERS }, options);
}

/** Refuses definitions of another OpenFaaS, unless they are to be taken over; for `dependsOn`. */
function refuseForeign(
  context: PartContext,
  { adopt }: OperatorArgs,
): pulumi.Output<pulumi.Resource[]> {
  const checks = new ArgumentChecks(context.part);
  if (!adopt) {
    checks.applyAsync(context.cluster.kubeconfig, (kubeconfig) =>
      refuseForeignDefinitions(kubeconfig, pulumi.runtime.isDryRun()),
    );
  }
  return checks.passed;
}

/** The Function definition; a foreign one is refused already in preview, or taken over. */
function createDefinition(
  context: PartContext,
  args: OperatorArgs,
  owners: pulumi.Output<pulumi.Resource[]>,
): k8s.apiextensions.v1.CustomResourceDefinition {
  return new k8s.apiextensions.v1.CustomResourceDefinition(
    `${context.name}-functions`,
    {
      metadata: {
        name: CRD_NAME,
        labels: { ...toLabels("functions"), [CRD.ownerLabel]: CRD.ownerValue },
        annotations: args.adopt ? TAKE_OVER : toRetainedAnnotations(context.options),
      },
      spec: toDefinitionSpec(),
    },
    pulumi.mergeOptions(context.options, {
      dependsOn: owners,
      ...retainWithCluster(context.options),
    }),
  );
}
