/** The grammar of names and values that Kubernetes takes, as schemas that say what they expect. */
import { Type } from "typebox";
import {
  CONSTRAINT,
  DNS_LABEL,
  DNS_NAME,
  FUNCTION_NAME,
  LABEL_VALUE,
  METADATA_KEY,
  QUANTITY,
  VARIABLE_NAME,
  VARIABLE_VALUE,
} from "./grammar.ts";

// A description is a noun phrase: it also tells, in an error, what was expected.

/** A function's name is also that of its Service, which has to begin with a letter. */
export const FunctionName = Type.String({
  minLength: 1,
  maxLength: 63,
  pattern: FUNCTION_NAME,
  description:
    "1 to 63 lower-case letters, digits and hyphens, with a letter at the beginning and no hyphen at the end, as names of Services have it (RFC 1035)",
});

/** Name of a namespace. */
export const NamespaceName = Type.String({
  minLength: 1,
  maxLength: 63,
  pattern: DNS_LABEL,
  description:
    "1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends (RFC 1123)",
});

/** Key of a label or an annotation: `[prefix/]name`. */
export const MetadataKey = Type.String({
  maxLength: 317,
  pattern: METADATA_KEY,
  description:
    "a key of at most 63 letters, digits, -, _ and . after an optional DNS name and slash",
});

export const LabelValue = Type.String({
  maxLength: 63,
  pattern: LABEL_VALUE,
  description:
    "at most 63 letters, digits, -, _ and ., with a letter or digit at both ends, or nothing",
});

/** Name of a Secret (RFC 1123 subdomain). */
export const SecretName = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: DNS_NAME,
  description:
    "1 to 253 lower-case letters, digits, hyphens and dots, with a letter or digit at both ends of each part (RFC 1123)",
});

export const VariableName = Type.String({
  pattern: VARIABLE_NAME,
  description: "a name in printable ASCII without =",
});

export const VariableValue = Type.String({
  pattern: VARIABLE_VALUE,
  description: "a text without a NUL (U+0000)",
});

/** `key=value` or `key==value` of a node's label. */
export const Constraint = Type.String({
  maxLength: 400,
  pattern: CONSTRAINT,
  description: "a node's label as key=value",
});

/** A quantity (resource.Quantity) without sign. */
export const Quantity = Type.String({
  maxLength: 64,
  pattern: QUANTITY,
  description: "a quantity such as 128Mi or 100m",
});

export const ImageReference = Type.String({
  minLength: 1,
  maxLength: 1024,
  pattern: "^\\S+$",
  description: "an image reference without blanks, at most 1024 characters",
});
