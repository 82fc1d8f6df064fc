/** The ways in which a tool cannot be had, each told apart by its code. */

export type ToolchainErrorCode =
  /** An argument or a variable of the environment has a wrong value. */
  | "argument"
  /** No release and no recipe for this operating system or architecture. */
  | "platform"
  /** Not enough free space, found before or in the middle. */
  | "disk"
  /** A download is not what its vendor says it is, or not what it was before. */
  | "checksum"
  /** An archive that cannot be read, or wants to write outside of its folder. */
  | "archive"
  /** The network does not let a download through. */
  | "refused"
  /** The network lets a download through, but its host or the line is out of order. */
  | "unavailable"
  /** Go is missing or too old. */
  | "go"
  /** A source build failed. */
  | "build";

/** An expected end: its message says all that the person needs, no stack trace belongs to it. */
export class ToolchainError extends Error {
  override readonly name = "ToolchainError";
  readonly code: ToolchainErrorCode;

  constructor(code: ToolchainErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Something is not there, and whoever asked wants nothing to be downloaded or compiled for it. */
export class NotAtHandError extends Error {
  override readonly name = "NotAtHandError";

  constructor(what: string) {
    super(`${what}: must be at hand, as nothing is to be downloaded or compiled now`);
  }
}

/** The result of `work`; undefined when it ends with `NotAtHandError`. */
export async function ifAtHand<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof NotAtHandError) {
      return undefined;
    }
    throw error;
  }
}

/**
 * The code of an error of Node's own, such as `ENOENT`. By shape and not by class, as such errors
 * may come from another realm.
 */
export function toCode(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** The message of any thrown value. */
export function toMessage(error: unknown): string {
  const { message } = (error ?? {}) as { message?: unknown };
  return typeof message === "string" ? message : String(error);
}

/** Whether an error, or one that caused it, says that the disk is full. */
export function isDiskFull(error: unknown): boolean {
  if (typeof error !== "object" || error === null) {
    return false;
  }
  return (
    ["ENOSPC", "EDQUOT"].includes(toCode(error) ?? "") ||
    /no space left on device|disk quota exceeded/i.test(toMessage(error)) ||
    isDiskFull((error as Error).cause)
  );
}
