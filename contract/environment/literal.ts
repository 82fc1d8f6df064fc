/** Values of environment variables, as a pod has to write them. */

/**
 * The value that Kubernetes turns into `text`. In a pod it takes `$(NAME)` for another variable's
 * value and `$$` for one `$` (EnvVar.value of the API reference), and it breaks the letter after a
 * `$` that is outside of ASCII. With all of them doubled, nothing is replaced.
 */
export function toLiteral(text: string): string {
  return text.replaceAll("$", () => "$$");
}
