/** Errors of acquiring tools, distinguished by code. */

export type ToolchainErrorCode =
  /** An argument or an environment variable is invalid. */
  | "argument"
  /** No release and no recipe for this operating system or architecture. */
  | "platform"
  /** Not enough free space, detected before or during the operation. */
  | "disk"
  /** The digest of a download differs from the vendor's, or from an earlier download's. */
  | "checksum"
  /** An archive is unreadable, or has paths outside of its folder. */
  | "archive"
  /** The network or the host refuses a download. */
  | "refused"
  /** The host or the connection fails, though the network does not block it. */
  | "unavailable"
  /** Go is missing or too old. */
  | "go"
  /** A source build failed. */
  | "build";

/** An expected failure: the message is all that the user needs, without a stack trace. */
export class ToolchainError extends Error {
  override readonly name = "ToolchainError";
  readonly code: ToolchainErrorCode;

  constructor(code: ToolchainErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Something is not available locally, and the caller does not allow a download or a build. */
export class NotAtHandError extends Error {
  override readonly name = "NotAtHandError";

  constructor(what: string) {
    super(`${what}: expected it on this machine, as nothing may be downloaded or compiled now`);
  }
}

/** The result of `work`; undefined when it fails with `NotAtHandError`. */
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
 * The code of a Node.js error, such as `ENOENT`. Not by `instanceof`, as the error may come from
 * another realm.
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

/** Whether an error or one of its causes is a full disk. */
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
