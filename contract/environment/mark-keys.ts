/** The keys by which gateways mark queued calls of private functions, as files of a folder. */

/** What their files are called. */
export const MARK_KEY_FILE = {
  /** Makes marks. */
  current: "current",
  /** Read by, where there is one: marks that were made before the key was changed. */
  previous: "previous",
} as const;

/** Least length of a key, bytes: that of the signature (RFC 2104 §3). */
export const MIN_MARK_KEY_BYTES = 32;
