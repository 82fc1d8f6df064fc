/**
 * Holds the gateway to namespaces that are marked for functions. Kubernetes' roles cannot: whoever
 * had the gateway's token could mark any namespace, whereupon the operator would give the gateway
 * its rights in there, which are to read all Secrets.
 */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ANNOTATION } from "../../contract/index.ts";
import { toLabels } from "../kubernetes/pods.ts";
import type { PartContext } from "../kubernetes/workloads.ts";

/** Name of the policy and its binding, of which a cluster has one. */
export const NAMESPACE_GUARD = "plonk-gateway-namespaces";

const MARK = ANNOTATION.functionNamespace;

const isMarkedIn = (field: "labels" | "annotations"): string =>
  `has(oldObject.metadata.${field}) && "${MARK}" in oldObject.metadata.${field} && ` +
  `oldObject.metadata.${field}["${MARK}"] == "1"`;

/** Refuses what the gateway of a namespace does to others than its functions' and marked ones. */
export function toPolicySpec([platformNamespace, functionNamespace]: [
  platformNamespace: string,
  functionNamespace: string,
]): k8s.types.input.admissionregistration.v1.ValidatingAdmissionPolicySpec {
  const account = `system:serviceaccount:${platformNamespace}:gateway`;
  return {
    failurePolicy: "Fail",
    matchConstraints: {
      resourceRules: [
        {
          apiGroups: [""],
          apiVersions: ["v1"],
          operations: ["UPDATE", "DELETE"],
          resources: ["namespaces"],
        },
      ],
    },
    matchConditions: [
      { name: "by-the-gateway", expression: `request.userInfo.username == "${account}"` },
    ],
    validations: [
      {
        expression: [
          `request.name == "${functionNamespace}"`,
          isMarkedIn("annotations"),
          isMarkedIn("labels"),
        ]
          .map((each) => `(${each})`)
          .join(" || "),
        message: `the gateway changes namespaces only that are marked ${MARK}: "1"`,
      },
    ],
  };
}

/** What puts the policy into force. */
export const BINDING_SPEC = { policyName: NAMESPACE_GUARD, validationActions: ["Deny"] };

/** Creates the policy and its binding. */
export function createNamespaceGuard(
  context: PartContext,
  functionNamespace: pulumi.Input<string>,
): void {
  const places = pulumi.all([context.namespace, functionNamespace]);
  const metadata = { name: NAMESPACE_GUARD, labels: toLabels("gateway") };
  const policy = new k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
    `${context.name}-gateway-namespaces`,
    { metadata, spec: places.apply(toPolicySpec) },
    context.options,
  );
  new k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
    `${context.name}-gateway-namespaces-binding`,
    { metadata, spec: BINDING_SPEC },
    pulumi.mergeOptions(context.options, { dependsOn: policy }),
  );
}
