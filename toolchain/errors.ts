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

/** Whether an error, or one that caused it, says that the disk is full. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) {
    return false;
  }
  const { code } = error as NodeJS.ErrnoException;
  return (
    code === "ENOSPC" ||
    code === "EDQUOT" ||
    /no space left on device|disk quota exceeded/i.test(error.message) ||
    isDiskFull(error.cause)
  );
}

/** The first line of any thrown value. */
export function toMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
