/** The CustomResourceDefinition of Function, made from the schema that the services share. */
import type * as k8s from "@pulumi/kubernetes";
import { CRD, FunctionSpec } from "../../contract/index.ts";
import { type JsonSchema, toStructural } from "./structural-schema.ts";

type CustomResourceDefinitionSpec = k8s.types.input.apiextensions.v1.CustomResourceDefinitionSpec;

/** `metadata.name` of the definition. */
export const CRD_NAME = `${CRD.plural}.${CRD.group}`;

const STATUS_SCHEMA: JsonSchema = {
  type: "object",
  properties: {
    observedGeneration: { type: "integer", format: "int64" },
    replicas: { type: "integer", format: "int32" },
    availableReplicas: { type: "integer", format: "int32" },
    selector: { type: "string" },
    conditions: {
      type: "array",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["type"],
      items: {
        type: "object",
        required: ["type", "status", "reason", "message", "lastTransitionTime"],
        properties: {
          type: { type: "string", maxLength: 316 },
          status: { type: "string", enum: ["True", "False", "Unknown"] },
          reason: { type: "string", maxLength: 1024 },
          message: { type: "string", maxLength: 32768 },
          lastTransitionTime: { type: "string", format: "date-time" },
          observedGeneration: { type: "integer", format: "int64", minimum: 0 },
        },
      },
    },
  },
};

const SCALE_ORDER_RULE = {
  rule: [
    "!has(self.spec.labels)",
    "!('com.openfaas.scale.min' in self.spec.labels)",
    "!('com.openfaas.scale.max' in self.spec.labels)",
    "int(self.spec.labels['com.openfaas.scale.min']) <= int(self.spec.labels['com.openfaas.scale.max'])",
  ].join(" || "),
  message: "com.openfaas.scale.min must be a number that does not exceed com.openfaas.scale.max",
};

const NAME_RULE = {
  rule: "self.metadata.name == self.spec.name",
  message: "spec.name must equal metadata.name",
};

/** The whole OpenAPI schema of a Function, as the API server enforces it. */
export function toFunctionSchema(): JsonSchema {
  return {
    type: "object",
    description: "A function of the PLONK stack.",
    required: ["spec"],
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: {
        type: "object",
        properties: { name: { type: "string", maxLength: 63 } },
      },
      spec: toStructural(FunctionSpec),
      status: STATUS_SCHEMA,
    },
    "x-kubernetes-validations": [NAME_RULE, SCALE_ORDER_RULE],
  };
}

/** `spec` of the definition: one version, with status and scale subresources. */
export function toDefinitionSpec(): CustomResourceDefinitionSpec {
  return {
    group: CRD.group,
    scope: "Namespaced",
    names: {
      kind: CRD.kind,
      listKind: `${CRD.kind}List`,
      plural: CRD.plural,
      singular: "function",
      shortNames: ["fn"],
      categories: ["plonk"],
    },
    versions: [
      {
        name: CRD.version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: toFunctionSchema() },
        subresources: {
          status: {},
          scale: {
            specReplicasPath: ".spec.replicas",
            statusReplicasPath: ".status.replicas",
            labelSelectorPath: ".status.selector",
          },
        },
        additionalPrinterColumns: [
          {
            name: "Ready",
            type: "string",
            jsonPath: '.status.conditions[?(@.type=="Ready")].status',
          },
          { name: "Replicas", type: "integer", jsonPath: ".status.replicas" },
          { name: "Image", type: "string", jsonPath: ".spec.image", priority: 1 },
          { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
        ],
      },
    ],
  };
}
