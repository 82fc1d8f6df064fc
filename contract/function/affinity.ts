/** `affinity` of a pod, as Kubernetes has it (core/v1 Affinity). */
import { Type } from "typebox";
import { CLOSED, listOf, oneOf, Text, toCount } from "./profile-fields.ts";

/** A label's value may be empty. */
const Value = Type.String({ minLength: 0, maxLength: 253, description: "a text" });

const Values = Type.Optional(listOf(Value));

export const LabelSelector = Type.Object(
  {
    matchLabels: Type.Optional(
      Type.Record(Type.String(), Value, { description: "values by label" }),
    ),
    matchExpressions: Type.Optional(
      listOf(
        Type.Object(
          { key: Text, operator: oneOf("In", "NotIn", "Exists", "DoesNotExist"), values: Values },
          { ...CLOSED, description: "key, operator, values" },
        ),
      ),
    ),
  },
  { ...CLOSED, description: "matchLabels, matchExpressions" },
);

const NodeRequirements = listOf(
  Type.Object(
    {
      key: Text,
      operator: oneOf("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
      values: Values,
    },
    { ...CLOSED, description: "key, operator, values" },
  ),
);

const NodeSelectorTerm = Type.Object(
  {
    matchExpressions: Type.Optional(NodeRequirements),
    matchFields: Type.Optional(NodeRequirements),
  },
  { ...CLOSED, description: "matchExpressions, matchFields" },
);

const Weight = { weight: toCount(1) };

const NodeAffinity = Type.Object(
  {
    requiredDuringSchedulingIgnoredDuringExecution: Type.Optional(
      Type.Object(
        { nodeSelectorTerms: listOf(NodeSelectorTerm) },
        { ...CLOSED, description: "nodeSelectorTerms" },
      ),
    ),
    preferredDuringSchedulingIgnoredDuringExecution: Type.Optional(
      listOf(
        Type.Object(
          { ...Weight, preference: NodeSelectorTerm },
          { ...CLOSED, description: "weight, preference" },
        ),
      ),
    ),
  },
  { ...CLOSED, description: "required and preferred terms" },
);

const PodAffinityTerm = Type.Object(
  {
    labelSelector: Type.Optional(LabelSelector),
    topologyKey: Text,
    namespaces: Type.Optional(listOf(Text)),
    namespaceSelector: Type.Optional(LabelSelector),
    matchLabelKeys: Type.Optional(listOf(Text)),
    mismatchLabelKeys: Type.Optional(listOf(Text)),
  },
  { ...CLOSED, description: "labelSelector, topologyKey and the others of a PodAffinityTerm" },
);

const PodAffinity = Type.Object(
  {
    requiredDuringSchedulingIgnoredDuringExecution: Type.Optional(listOf(PodAffinityTerm)),
    preferredDuringSchedulingIgnoredDuringExecution: Type.Optional(
      listOf(
        Type.Object(
          { ...Weight, podAffinityTerm: PodAffinityTerm },
          { ...CLOSED, description: "weight, podAffinityTerm" },
        ),
      ),
    ),
  },
  { ...CLOSED, description: "required and preferred terms" },
);

export const Affinity = Type.Object(
  {
    nodeAffinity: Type.Optional(NodeAffinity),
    podAffinity: Type.Optional(PodAffinity),
    podAntiAffinity: Type.Optional(PodAffinity),
  },
  { ...CLOSED, description: "nodeAffinity, podAffinity, podAntiAffinity" },
);
