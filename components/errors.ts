/** Errors of arguments: one line on the component that they belong to, without a stack trace. */
import * as pulumi from "@pulumi/pulumi";

/**
 * Makes the error that Pulumi prints on the row of `resource`.
 *
 * @param message `field: expectation, got value`
 */
export function toResourceError(
  resource: pulumi.Resource,
  message: string,
): pulumi.ResourceError {
  return new pulumi.ResourceError(message, resource, true);
}

/** A wrong argument, found by a function that knows of no resource. */
export class ArgumentError extends Error {
  override readonly name = "ArgumentError";
}

/** Runs `work` and puts its `ArgumentError` on the row of `resource`. */
export function checkFor<T>(resource: pulumi.Resource, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof ArgumentError ? toResourceError(resource, error.message) : error;
  }
}

/** Like `checkFor`, for work that takes time. */
export async function checkForAsync<T>(
  resource: pulumi.Resource,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ArgumentError ? toResourceError(resource, error.message) : error;
  }
}
