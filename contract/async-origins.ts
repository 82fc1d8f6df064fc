/** Pages of which sites may call a function asynchronously. */
import { isMatch, ORIGINS } from "./grammar.ts";
import { ANNOTATION } from "./names.ts";

/** Every site. */
export const ANY_ORIGIN = "*";

/**
 * Origins as browsers send them, or `*` alone; undefined where a function's annotations name none.
 */
export function readAsyncOrigins(
  annotations: Readonly<Record<string, string>> = {},
): readonly string[] | undefined {
  const text = annotations[ANNOTATION.asyncOrigins];
  if (text === undefined || !isMatch(ORIGINS, text)) {
    return undefined;
  }
  // A browser leaves out the usual port.
  const toOrigin = (each: string): string => URL.parse(each)?.origin ?? each;
  return text === ANY_ORIGIN ? [text] : text.split(/, ?/).map(toOrigin);
}
