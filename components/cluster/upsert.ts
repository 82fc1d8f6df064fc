/** Makes every version of the Kubernetes provider apply objects that already exist. */
import type * as pulumi from "@pulumi/pulumi";

/**
 * For the provider of a cluster: after a killed update objects exist that are not in the state, and
 * `adopt` takes over objects of other programs. Versions before 4.29.0 always apply and ignore the
 * setting; later ones refuse existing objects without it. It is set in the inputs because the
 * earlier SDK does not declare it.
 */
export const upsertExisting: pulumi.ResourceTransformation = ({ props, opts }) => ({
  props: { ...(props as Record<string, unknown>), upsertExistingObjects: "true" },
  opts,
});
