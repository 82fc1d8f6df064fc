/** Names that plain objects have already: a map by caller-chosen keys must not find them. */
export const DANGEROUS = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "prototype",
  "valueOf",
  "__defineGetter__",
] as const;
