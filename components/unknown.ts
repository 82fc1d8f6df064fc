/** Unknown values in previews. */
import * as pulumi from "@pulumi/pulumi";

export const UNKNOWN = pulumi.output(pulumi.unknown) as pulumi.Output<string>;

/** Derives a value from an object's server-side state; unknown until the cluster has set it. */
export function whenKnown<T>(
  answer: T | undefined,
  toValue: (known: T) => pulumi.Input<string>,
): pulumi.Output<string> {
  return pulumi.output(answer === undefined ? UNKNOWN : toValue(answer));
}
