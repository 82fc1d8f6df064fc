/**
 * The grammar of names and values, one regular expression each: for schemas (`pattern`), and for
 * code (`isMatch`). They are written so that JavaScript, Ajv and Go's RE2 (the API server's) read
 * them alike: no look-around, no back-references.
 */

/** What may stand between the slashes of `/function/<name>/`: `name` or `name.namespace`. */
export const FUNCTION_SEGMENT = "^[-a-zA-Z0-9_.]+$";

/** A token, such as a method (RFC 9110 §5.6.2). */
export const HTTP_TOKEN = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

/** Standard base64 with its padding (RFC 4648 §4); that the length fits, decoding tells. */
export const BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";
