/** The CustomResourceDefinition of Function, made from the schema that the services share. */
import type * as k8s from "@pulumi/kubernetes";
import {
  CRD,
  describeRule,
  FunctionResources,
  FunctionSpec,
  LABEL,
  QUANTITY,
  RESOURCE_RULES,
  type ResourceRule,
  SIGNAL_LABELS,
  VALUE_RULES,
  type ValueRule,
} from "../../contract/index.ts";
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

/** A rule in CEL with what the API server says of an object that breaks it. */
interface Validation {
  rule: string;
  message: string;
  /** The field that the message is about. @default the one that has the rule */
  fieldPath?: string;
}

const SCALE_ORDER: Validation = {
  rule: [
    `!('${LABEL.scaleMin}' in self)`,
    `!('${LABEL.scaleMax}' in self)`,
    `int(self['${LABEL.scaleMin}']) <= int(self['${LABEL.scaleMax}'])`,
  ].join(" || "),
  message: `${LABEL.scaleMin} must be a number that does not exceed ${LABEL.scaleMax}`,
};

const CODE_OR_HANDLER: Validation = {
  rule: "!has(self.code) || !has(self.handler)",
  message: "handler: expected none beside code",
};

/** Where both are there, and not empty: that means absent. */
function toOrder(resource: ResourceRule["resource"]): Validation {
  const [limit, request] = [`self.limits['${resource}']`, `self.requests['${resource}']`];
  return {
    rule: [
      "!has(self.limits) || !has(self.requests)",
      `!('${resource}' in self.limits) || !('${resource}' in self.requests)`,
      `${limit} == '' || ${request} == ''`,
      `quantity(${request}).compareTo(quantity(${limit})) <= 0`,
    ].join(" || "),
    message: `${resource}: expected at most the limit`,
    fieldPath: ".requests",
  };
}

const SIGNAL_RULES: readonly Validation[] = [
  {
    rule: "has(self.query) == (self.type == 'prometheus')",
    message: "query: expected one with type prometheus, and with no other",
    fieldPath: ".query",
  },
  {
    // The server compares whole numbers with the whole part of a minimum.
    rule: "has(self.target) ? self.target > 0.0 : self.type != 'prometheus'",
    message: "target: expected the load of one pod, above 0",
    fieldPath: ".target",
  },
  {
    rule: "!has(self.proportion) || self.proportion > 0.0",
    message: "proportion: expected above 0",
    fieldPath: ".proportion",
  },
];

const STEP_RULE: Validation = {
  rule: "!has(self.periodSeconds) || has(self.replicas) || has(self.percent)",
  message: "periodSeconds: expected none without replicas or percent",
  fieldPath: ".periodSeconds",
};

const SIGNALS_OR_LABELS: Validation = {
  rule: [
    "!has(self.labels) || !has(self.scale) || !has(self.scale.signals)",
    `!(${SIGNAL_LABELS.map((label) => `'${label}' in self.labels`).join(" || ")})`,
  ].join(" || "),
  message: `${SIGNAL_LABELS.join(", ")}: expected none beside scale.signals`,
  fieldPath: ".labels",
};

const ZERO_DURATION: Validation = {
  rule: [
    `!('${LABEL.scaleZeroDuration}' in self)`,
    `('${LABEL.scaleZero}' in self && self['${LABEL.scaleZero}'] == 'true')`,
  ].join(" || "),
  message: `${LABEL.scaleZeroDuration}: expected none without ${LABEL.scaleZero}: true`,
};

const NAME_RULE = {
  rule: "self.metadata.name == self.spec.name",
  message: "spec.name must equal metadata.name",
};

/**
 * `spec` with the rules for its parts. They belong to the field that they are about, so that a
 * Function which broke them before they came can be changed in all others.
 */
function toSpecSchema(): JsonSchema {
  const spec = toStructural(FunctionSpec);
  return {
    ...spec,
    properties: {
      ...spec.properties,
      labels: {
        ...spec.properties?.["labels"],
        "x-kubernetes-validations": [...toValidations("labels"), SCALE_ORDER, ZERO_DURATION],
      },
      annotations: {
        ...spec.properties?.["annotations"],
        "x-kubernetes-validations": toValidations("annotations"),
      },
      environment: {
        ...spec.properties?.["environment"],
        "x-kubernetes-validations": toValidations("environment"),
      },
      scale: toScaleSchema(spec.properties?.["scale"]),
      limits: toResourcesSchema("limits"),
      requests: toResourcesSchema("requests"),
    },
    "x-kubernetes-validations": [
      CODE_OR_HANDLER,
      toOrder("memory"),
      toOrder("cpu"),
      SIGNALS_OR_LABELS,
    ],
  };
}

/** `spec.scale` with rules for what goes together, and for minima between 0 and 1. */
function toScaleSchema({ properties = {}, ...scale }: JsonSchema = {}): JsonSchema {
  const { signals, up, down } = properties;
  const items = { ...signals?.items, "x-kubernetes-validations": SIGNAL_RULES };
  return {
    ...scale,
    // As a whole: an empty one means something, and part by part it would be null where the one
    // before was not empty, which server-side apply takes apart.
    "x-kubernetes-map-type": "atomic",
    properties: {
      ...properties,
      signals: { ...signals, items },
      up: { ...up, "x-kubernetes-validations": [STEP_RULE] },
      down: { ...down, "x-kubernetes-validations": [STEP_RULE] },
    },
  };
}

/** Quantities by resource; `faas-cli generate` writes an empty one for what is not given. */
function toResourcesSchema(kind: ResourceRule["kind"]): JsonSchema {
  const { additionalProperties } = toStructural(FunctionResources);
  const rules = RESOURCE_RULES.filter((rule) => rule.kind === kind);
  return {
    type: "object",
    additionalProperties: { ...(additionalProperties as JsonSchema), pattern: `^$|${QUANTITY}` },
    "x-kubernetes-validations": rules.map(toBounds),
  };
}

function toBounds(rule: ResourceRule): Validation {
  const { resource, least, most, isZeroAllowed } = rule;
  const value = `self['${resource}']`;
  const compare = (bound: string): string => `quantity(${value}).compareTo(quantity('${bound}'))`;
  return {
    rule: [
      `!('${resource}' in self) || ${value} == ''`,
      ...(isZeroAllowed ? [`${compare("0")} == 0`] : []),
      `(${compare(least)} >= 0 && ${compare(most)} <= 0)`,
    ].join(" || "),
    message: `${resource}: expected ${describeRule(rule)}`,
  };
}

function toValidations(map: ValueRule["map"]): Validation[] {
  return VALUE_RULES.filter((each) => each.map === map).map(({ key, expected, toCel }) => ({
    rule: `!('${key}' in self) || (${toCel(`self['${key}']`)})`,
    message: `${key}: expected ${expected}`,
  }));
}

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
      spec: toSpecSchema(),
      status: STATUS_SCHEMA,
    },
    "x-kubernetes-validations": [NAME_RULE],
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
          {
            name: "Reason",
            type: "string",
            jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
          },
          { name: "Desired", type: "integer", jsonPath: ".spec.replicas" },
          { name: "Replicas", type: "integer", jsonPath: ".status.replicas" },
          { name: "Available", type: "integer", jsonPath: ".status.availableReplicas" },
          { name: "Image", type: "string", jsonPath: ".spec.image", priority: 1 },
          { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
        ],
      },
    ],
  };
}
