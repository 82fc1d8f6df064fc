/** What a closure cannot take along. */

/** A captured value that cannot be taken along; who catches it names the way to the value. */
export class Uncarried extends Error {
  /** Undefined where the message says it all. */
  readonly value: unknown;

  /** @param message what follows the value's name: `is a WeakMap, which cannot be carried` */
  constructor(value: unknown, message: string) {
    super(message);
    this.value = value;
  }
}

/** What to do about most of them. */
export const REMEDY = "which cannot be carried; make it inside the callback";
