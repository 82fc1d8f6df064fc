/** Under which name the API server knows what a program has set of an object. */
import * as pulumi from "@pulumi/pulumi";
import { FIELD_MANAGER } from "../contract/index.ts";

const ANNOTATION = "pulumi.com/patchFieldManager";
/** The API server takes no longer ones. */
const MAX_LENGTH = 128;

interface KubernetesProps {
  metadata?: { annotations?: Record<string, unknown> };
}

/**
 * For a component with Kubernetes objects: its stack is their manager. Pulumi makes a name up for
 * each object otherwise, and keeps it in the state; an update after a killed one, which knows
 * nothing of an object that is there, would find its own fields to be somebody else's.
 */
export function withFieldManager(
  opts: pulumi.ComponentResourceOptions | undefined,
): pulumi.ComponentResourceOptions {
  return pulumi.mergeOptions(opts, { transformations: [manageFields] });
}

const manageFields: pulumi.ResourceTransformation = ({ type, props, opts }) => {
  // What is patched belongs to somebody else.
  if (!type.startsWith("kubernetes:") || type.endsWith("Patch")) {
    return undefined;
  }
  const { metadata, ...others } = props as KubernetesProps;
  const annotations = { ...metadata?.annotations, [ANNOTATION]: toFieldManager() };
  return { props: { ...others, metadata: { ...metadata, annotations } }, opts };
};

/**
 * Another stack that makes the same object is refused by its own name. By the prefix the gateway
 * knows what a program manages.
 */
function toFieldManager(): string {
  return `${FIELD_MANAGER.pulumiPrefix}/${pulumi.getProject()}/${pulumi.getStack()}`.slice(
    0,
    MAX_LENGTH,
  );
}
