/** Which namespaces hold functions, and which one a request means. */
import { BadRequest } from "./errors.ts";

/** The namespace that is meant; functions live in the platform's own function namespace. */
export function toNamespace(
  context: { functionNamespace: string },
  namespace: string | undefined,
): string {
  const { functionNamespace } = context;
  if (namespace !== undefined && namespace !== "" && namespace !== functionNamespace) {
    throw new BadRequest(
      `namespace: expected ${functionNamespace}, got ${JSON.stringify(namespace)}`,
    );
  }
  return functionNamespace;
}
