/**
 * The only door to this folder, which lint enforces. In here connections are read a second time,
 * next to Node's own parser: requests that two servers could read differently are refused, and the
 * connection is closed in good order. It depends on Node's internals, so nothing else imports them.
 */
export {
  releaseAfterWrite,
  releaseMemory,
  writeAndRelease,
  writeWatched,
} from "./buffer-release.ts";
export {
  answerClientError,
  closeConnection,
  closeInTime,
  endWithLinger,
  isClosing,
  isFree,
  refuseTunnel,
} from "./connection-errors.ts";
export { send100Continue } from "./expect-continue.ts";
export { MAX_HEAD_BYTES, MAX_HEADERS } from "./head-limits.ts";
export { CONNECTION, listenWidely } from "./listeners.ts";
export { onceClosed } from "./once-closed.ts";
export type { BadRequest } from "./raw-reader.ts";
export { findBadBody, findBadHead, watchRawRequests } from "./raw-requests.ts";
export { writeHead } from "./raw-response.ts";
export { findViolation, isContinueExpected, isUpgrade } from "./request-validation.ts";
