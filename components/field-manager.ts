/** The field manager of a stack's Kubernetes objects. */
import * as pulumi from "@pulumi/pulumi";
import { FIELD_MANAGER } from "../contract/index.ts";

export const MANAGER_ANNOTATION = "pulumi.com/patchFieldManager";
/** Limit of the API server. */
const MAX_LENGTH = 128;

interface KubernetesProps {
  metadata?: { annotations?: Record<string, unknown> };
}

/**
 * Makes the stack the field manager of a component's Kubernetes objects. By default Pulumi uses a
 * random name per object and keeps it in the state: after a killed update, which has not recorded
 * the object, the next one would conflict with its own fields.
 */
export function withFieldManager(
  opts: pulumi.ComponentResourceOptions | undefined,
): pulumi.ComponentResourceOptions {
  return pulumi.mergeOptions(opts, { transformations: [manageFields] });
}

const manageFields: pulumi.ResourceTransformation = ({ type, props, opts }) => {
  // Objects of `…Patch` resources belong to other field managers.
  if (!type.startsWith("kubernetes:") || type.endsWith("Patch")) {
    return undefined;
  }
  const { metadata, ...others } = props as KubernetesProps;
  const annotations = { ...metadata?.annotations, [MANAGER_ANNOTATION]: toFieldManager() };
  return { props: { ...others, metadata: { ...metadata, annotations } }, opts };
};

/**
 * Contains the stack's name, so that another stack with the same object gets a conflict. The
 * gateway recognizes objects of a program by the prefix.
 */
export function toFieldManager(): string {
  return `${FIELD_MANAGER.pulumiPrefix}/${pulumi.getProject()}/${pulumi.getStack()}`.slice(
    0,
    MAX_LENGTH,
  );
}
