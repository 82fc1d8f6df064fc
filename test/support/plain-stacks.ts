/**
 * Stack traces as Node writes them. Jest looks each frame up in source maps, of which there are
 * none here, and Pulumi reads a trace for each of its promises: a fifth of what its tests took.
 * (Jest puts its own on the outer `Error` after this file; that of the test's context goes first.)
 */
Error.prepareStackTrace = (error: Error, frames: readonly unknown[]) =>
  [toHead(error), ...frames.map((frame) => `    at ${String(frame)}`)].join("\n");

function toHead(error: Error): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return "Error"; // its name or message cannot be read
  }
}
