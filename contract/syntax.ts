/** The grammar of names and values that Kubernetes takes, as schemas that say what they expect. */
import { Type } from "typebox";

// A description is a noun phrase: it also tells, in an error, what was expected.

const PART = "[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?";
const DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const DNS_NAME = `${DNS_LABEL}([.]${DNS_LABEL})*`;

/** Key of a label or an annotation: `[prefix/]name`. */
export const MetadataKey = Type.String({
  maxLength: 317,
  pattern: `^(${DNS_NAME}/)?${PART}$`,
  description:
    "a key of at most 63 letters, digits, -, _ and . after an optional DNS name and slash",
});

export const LabelValue = Type.String({
  pattern: `^(${PART})?$`,
  description:
    "at most 63 letters, digits, -, _ and ., with a letter or digit at both ends, or nothing",
});

/** Name of a Secret (RFC 1123 subdomain). */
export const SecretName = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: `^${DNS_NAME}$`,
  description:
    "1 to 253 lower-case letters, digits, hyphens and dots, with a letter or digit at both ends of each part (RFC 1123)",
});

export const VariableName = Type.String({
  pattern: "^[ -<>-~]+$",
  description: "a name in printable ASCII without =",
});

/** `key=value` or `key==value` of a node's label. */
export const Constraint = Type.String({
  pattern: "^[^=!\\s]+\\s*==?\\s*[^=!\\s]*$",
  description: "a node's label as key=value",
});

/** A quantity (resource.Quantity) without sign. */
export const Quantity = Type.String({
  pattern: "^([0-9]+([.][0-9]*)?|[.][0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?$",
  description: "a quantity such as 128Mi or 100m",
});
