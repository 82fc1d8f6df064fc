/** For previews: a value that only an update will know. */
import * as pulumi from "@pulumi/pulumi";

export const UNKNOWN = pulumi.output(pulumi.unknown) as pulumi.Output<string>;

/** Makes a value of what the cluster says of an object; unknown where it has said nothing yet. */
export function whenKnown<T>(
  answer: T | undefined,
  toValue: (known: T) => pulumi.Input<string>,
): pulumi.Output<string> {
  return pulumi.output(answer === undefined ? UNKNOWN : toValue(answer));
}
