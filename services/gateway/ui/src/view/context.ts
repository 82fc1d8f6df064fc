/** What every part of the page may need. */

export interface PageContext {
  /** All that hold functions. */
  namespaces: readonly string[];
  /** Those that the person wants to see. */
  shown: readonly string[];
  /** Shows a message of success for a while. */
  tell: (message: string) => void;
}
