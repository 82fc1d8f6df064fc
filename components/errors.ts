/** Errors of arguments: one line on the component that they belong to, without a stack trace. */
import * as pulumi from "@pulumi/pulumi";

/**
 * Makes the error that Pulumi prints on the row of `resource`.
 *
 * @param message `field: expectation, got value`
 */
export function toResourceError(resource: pulumi.Resource, message: string): pulumi.ResourceError {
  return keepMessage(new pulumi.ResourceError(message, resource, true));
}

/**
 * The SDK puts "error serializing property …" in front of an error's message once for each resource
 * that waits for it: 40 times, with a cluster that cannot be used.
 */
function keepMessage<E extends Error>(error: E): E {
  const { message } = error;
  return Object.defineProperty(error, "message", { get: () => message, set: () => undefined });
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

/**
 * The checks of one component's arguments. Children of the component get `passed` among their
 * `dependsOn`: Pulumi waits for that before it looks at their properties, so that a wrong argument
 * is reported by its own message and not as a property that could not be serialized.
 */
export class ArgumentChecks {
  readonly #resource: pulumi.Resource;
  readonly #checks: pulumi.Output<unknown>[] = [];

  constructor(resource: pulumi.Resource) {
    this.#resource = resource;
  }

  /** Applies `test`, which throws `ArgumentError` or returns the value to go on with. */
  apply<T, U>(value: pulumi.Input<T>, test: (known: pulumi.Unwrap<T>) => U): pulumi.Output<U> {
    const checked: pulumi.Output<unknown> = pulumi
      .output(value)
      .apply((known) => checkFor(this.#resource, () => test(known)));
    this.#checks.push(checked);
    return checked as pulumi.Output<U>;
  }

  /**
   * Like `apply`, for a test that takes time. When the program's text has run to its end before
   * the test, Pulumi would print the error with its stack trace on the stack's row. So the
   * refusal is logged on the component's row, and the run stopped by a second, short line.
   */
  applyAsync<T, U>(
    value: pulumi.Input<T>,
    test: (known: pulumi.Unwrap<T>) => Promise<U>,
  ): pulumi.Output<U> {
    const checked: pulumi.Output<unknown> = pulumi
      .output(value)
      .apply((known) => this.#stopOnRefusal(test(known)));
    this.#checks.push(checked);
    return checked as pulumi.Output<U>;
  }

  async #stopOnRefusal<U>(work: Promise<U>): Promise<U> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof ArgumentError)) {
        throw error;
      }
      await pulumi.log.error(error.message, this.#resource);
      const stop = new pulumi.RunError("stopped: something is wrong, see the resource above");
      delete stop.stack;
      throw keepMessage(stop);
    }
  }

  /** For `dependsOn`: fails with the first check that does. */
  get passed(): pulumi.Output<pulumi.Resource[]> {
    return pulumi.all(this.#checks).apply(() => []);
  }
}
