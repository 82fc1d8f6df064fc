/** What makes a provider apply objects that exist already, in whichever version it comes. */
import type * as pulumi from "@pulumi/pulumi";

/**
 * For the provider of a cluster: an update after a killed one finds objects that the state does not
 * know, and `adopt` takes over what another program made. Versions before 4.29.0 apply always and
 * pass over the setting; later ones refuse such objects without it. It is written into the inputs
 * here because the SDK of the earlier ones has no name for it.
 */
export const upsertExisting: pulumi.ResourceTransformation = ({ props, opts }) => ({
  props: { ...(props as Record<string, unknown>), upsertExistingObjects: "true" },
  opts,
});
