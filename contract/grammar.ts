/**
 * The grammar of names and values, one regular expression each, as text: for `pattern` in schemas,
 * and for `isMatch`. JavaScript, Ajv and Go's RE2 (the API server's) read them alike: there is no
 * look-around, no back-reference and no escape that only one of them knows.
 */

const LABEL_INNER = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN_INNER = `${LABEL_INNER}([.]${LABEL_INNER})*`;
const NAME_INNER = "[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?";
const KEY_INNER = `(${SUBDOMAIN_INNER}/)?${NAME_INNER}`;
const AMOUNT = "([0-9]+([.][0-9]*)?|[.][0-9]+)";
const TIME_PART = `${AMOUNT}(ns|us|\u00b5s|\u03bcs|ms|s|m|h)`;

/** A DNS label (RFC 1123) within other text. It captures nothing. */
export const DNS_LABEL_PART = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?";

/** A DNS label, at most 63 characters: names of namespaces, hosts. */
export const DNS_LABEL = `^${DNS_LABEL_PART}$`;

/**
 * Name of a function: a DNS label that begins with a letter, as names of Services do (RFC 1035
 * §2.3.1).
 */
export const FUNCTION_NAME = "^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$";

/** A DNS name (RFC 1123 subdomain): names of Secrets. Its length, 253, is said beside it. */
export const DNS_NAME = `^${SUBDOMAIN_INNER}$`;

const ORIGIN = `https?://${SUBDOMAIN_INNER}(:[1-9][0-9]{0,4})?`;

/** Origins of pages (RFC 6454), with commas between them, or `*` for all. */
export const ORIGINS = `^([*]|${ORIGIN}(, ?${ORIGIN})*)$`;

/** Name of a cluster: a DNS label that leaves room for what is derived from it. */
export const CLUSTER_NAME = "^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$";

/** `CLUSTER_NAME` in words. */
export const CLUSTER_NAME_WORDS = "1 to 32 lower-case letters, digits and hyphens";

/** Key of a label or an annotation: `[prefix/]name`. */
export const METADATA_KEY = `^${KEY_INNER}$`;

/** Value of a label. */
export const LABEL_VALUE = `^(${NAME_INNER})?$`;

/** A node's taint, `key=value:effect` or `key:effect`. */
export const TAINT = `^${KEY_INNER}(=(${NAME_INNER})?)?:(NoSchedule|PreferNoSchedule|NoExecute)$`;

/** A flag of kubelet as k3s takes it: `name`, `name=value`; `name+=value` beside k3s' own value. */
export const KUBELET_FLAG = "^(--)?[a-z][a-z0-9-]*[+]?(=.*)?$";

/** A node's label, `key=value` or `key==value`; of the groups, what it says. */
export const CONSTRAINT = `^${KEY_INNER} *==? *(${NAME_INNER})?$`;

/** Name of an environment variable: printable ASCII without `=`. */
export const VARIABLE_NAME = "^[ -<>-~]+$";

/** Value of an environment variable: C's strings, and with them the system's, end at a NUL. */
export const VARIABLE_VALUE = "^[^\\x00]*$";

/** A quantity (resource.Quantity) without sign: functions have no use for negative ones. */
export const QUANTITY = `^${AMOUNT}([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?$`;

/** A non-negative Go duration (`1m5s`), or whole seconds. */
export const DURATION = `^([0-9]+|(${TIME_PART})+)$`;

/** Digits of a count; so few that no language reads them as another number. */
export const COUNT = "^[0-9]{1,9}$";

/** Part of a whole, as a decimal number. */
export const PROPORTION_TEXT = "^[01]([.][0-9]{1,6})?$";

/** What may stand between the slashes of `/function/<name>/`: `name` or `name.namespace`. */
export const FUNCTION_SEGMENT = "^[-a-zA-Z0-9_.]+$";

/** A path of a URL from its root, without blanks. */
export const ABSOLUTE_PATH = "^/[!-~]*$";

/** Name of a user of the gateway: Basic authentication ends it at a colon (RFC 7617 §2). */
export const USER_NAME = "^[^:\\s]{1,128}$";

/** A token, such as a method (RFC 9110 §5.6.2). */
export const HTTP_TOKEN = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

/** Standard base64 with its padding (RFC 4648 §4). */
export const BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";

const COMPILED = new Map<string, RegExp>();

/** Whether the whole of `text` is as `pattern`, one of those above, has it. */
export function isMatch(pattern: string, text: string): boolean {
  const known = COMPILED.get(pattern) ?? new RegExp(pattern);
  COMPILED.set(pattern, known);
  return known.test(text);
}

/** The number that the digits of a count stand for; undefined for what is no count. */
export function readCount(text: string | undefined): number | undefined {
  return text !== undefined && isMatch(COUNT, text) ? Number(text) : undefined;
}

/** Key and value of a constraint; undefined for what is none. */
export function parseConstraint(text: string): { key: string; value: string } | undefined {
  if (!isMatch(CONSTRAINT, text)) {
    return undefined;
  }
  const [key = "", value = ""] = text.split(/ *==? */);
  return { key, value };
}
