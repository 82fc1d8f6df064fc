/** Paths of Functions in the Kubernetes API. */
import { CRD } from "../../contract/index.ts";
import { resourcePath } from "./kubernetes.ts";

/** Path of a Function, its scale or status, or a collection (without a namespace: of all). */
export function functionPath(
  { name, namespace }: { name?: string; namespace: string | undefined },
  subresource?: "scale" | "status",
): string {
  return resourcePath({
    group: CRD.group,
    version: CRD.version,
    plural: CRD.plural,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(subresource !== undefined && { subresource }),
  });
}
