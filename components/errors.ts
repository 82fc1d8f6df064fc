/** Errors about arguments: one line on their component, without a stack trace. */
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
 * Makes the message read-only: the SDK prepends "error serializing property …" once for each
 * resource that waits for it, 40 times for a cluster that cannot be used.
 */
function keepMessage<E extends Error>(error: E): E {
  const { message } = error;
  return Object.defineProperty(error, "message", { get: () => message, set: () => undefined });
}

/** An invalid argument, thrown by functions without access to the resource. */
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

/** Whether a value is known only when the program runs, or when other resources exist. */
export function isLater<T>(value: pulumi.Input<T>): value is Promise<T> | pulumi.OutputInstance<T> {
  return pulumi.Output.isInstance(value) || value instanceof Promise;
}

/** A list or a record as it is where all of it is known; one output where some of it is later. */
export function gather<T extends object>(given: pulumi.Input<T>): pulumi.Input<pulumi.Unwrap<T>> {
  const isKnown = !isLater(given) && !Object.values(given).some(isLater);
  return (isKnown ? given : pulumi.output(given)) as pulumi.Input<pulumi.Unwrap<T>>;
}

/**
 * The checks of a component's arguments. Children have `passed` in their `dependsOn`: Pulumi awaits
 * it before their properties, so that an invalid argument is reported with its own message and not
 * as a property that cannot be serialized.
 */
export class ArgumentChecks {
  readonly #resource: pulumi.Resource;
  readonly #checks: pulumi.Output<unknown>[] = [];

  constructor(resource: pulumi.Resource) {
    this.#resource = resource;
  }

  /** Applies `test`, which throws `ArgumentError` or returns the checked value. */
  apply<T, U>(value: pulumi.Input<T>, test: (known: pulumi.Unwrap<T>) => U): pulumi.Output<U> {
    const checked: pulumi.Output<unknown> = pulumi
      .output(value)
      .apply((known) => checkFor(this.#resource, () => test(known)));
    this.#checks.push(checked);
    return checked as pulumi.Output<U>;
  }

  /**
   * Returns what `test` makes of `value`: at once where that is known, so that the component's
   * constructor throws the error, or when it is known.
   */
  verify<T, U = T>(value: pulumi.Input<T>, test: (known: T) => U): pulumi.Input<U> {
    return isLater(value)
      ? this.apply<T, U>(value, test as (known: pulumi.Unwrap<T>) => U)
      : checkFor(this.#resource, () => test(value));
  }

  /**
   * Like `apply`, for an asynchronous test. If it fails after the program's code has finished,
   * Pulumi would print the error with its stack trace on the stack's row. So the error is logged on
   * the component's row, and a second, short one stops the run.
   */
  applyAsync<T, U>(
    value: pulumi.Input<T>,
    test: (known: pulumi.Unwrap<T>) => Promise<U>,
  ): pulumi.Output<U> {
    const checked: pulumi.Output<unknown> = pulumi
      .output(value)
      .apply((known) => this.#stopOnRefusal(() => test(known)));
    this.#checks.push(checked);
    return checked as pulumi.Output<U>;
  }

  async #stopOnRefusal<U>(work: () => Promise<U>): Promise<U> {
    try {
      return await work();
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

  /** For `dependsOn`: fails with the first check that fails. */
  get passed(): pulumi.Output<pulumi.Resource[]> {
    return pulumi.all(this.#checks).apply(() => []);
  }
}
