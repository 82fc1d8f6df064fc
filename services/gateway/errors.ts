/**
 * What the gateway answers when it cannot do what was asked: the one table of its error codes, each
 * with its status and its text. Calls are answered with the failure itself (`sendFailure`); routes
 * of Fastify throw it as an HttpError.
 */
import { ANNOTATION } from "../../contract/index.ts";

export interface Failure {
  /** HTTP status. */
  status: number;
  /** Machine-readable, e.g. `PLONK_UPSTREAM_FAILED`. */
  code: string;
  /** One sentence. */
  message: string;
  /** Seconds after which trying again makes sense. */
  retryAfterSeconds?: number;
  /** How the caller may prove who it is, for WWW-Authenticate (RFC 9110 §11.6.1). */
  challenge?: string;
  /** The codings that a body may have, for Accept-Encoding (RFC 9110 §15.5.16). */
  acceptEncoding?: string;
}

/** A failure that a route throws. */
export class HttpError extends Error {
  override name = "HttpError";
  readonly failure: Failure;
  readonly statusCode: number;
  readonly code: string;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
    this.statusCode = failure.status;
    this.code = failure.code;
  }
}

/** Requests that are wrong in themselves. */
const requests = {
  badRequest: (message: string): Failure => ({
    status: 400,
    code: "PLONK_BAD_REQUEST",
    message,
  }),
  badCallbackUrl: (message: string): Failure => ({
    status: 400,
    code: "PLONK_BAD_CALLBACK_URL",
    message,
  }),
  pageNotFound: (): Failure => ({
    // In the words of Go's router, which clients of OpenFaaS know.
    status: 404,
    code: "PLONK_PAGE_NOT_FOUND",
    message: "404 page not found\n",
  }),
  methodNotAllowed: (allowed: string): Failure => ({
    status: 405,
    code: "PLONK_METHOD_NOT_ALLOWED",
    message: `method: expected ${allowed}`,
  }),
  requestTimeout: (): Failure => ({
    status: 408,
    code: "PLONK_REQUEST_TIMEOUT",
    message: "The body of the request did not come in time.",
  }),
  extensionsTooLarge: (message: string): Failure => ({
    status: 413,
    code: "PLONK_EXTENSIONS_TOO_LARGE",
    message,
  }),
  messageTooLarge: (message: string): Failure => ({
    status: 413,
    code: "PLONK_MESSAGE_TOO_LARGE",
    message,
  }),
  /** @param accepted - the codings that are taken */
  codingNotTaken: (accepted: string): Failure => ({
    status: 415,
    code: "PLONK_CODING_NOT_TAKEN",
    message: `Content-Encoding: expected one of ${accepted}, or none`,
    acceptEncoding: accepted,
  }),
  expectationFailed: (): Failure => ({
    status: 417,
    code: "PLONK_EXPECTATION_FAILED",
    message: "",
  }),
  headersTooLarge: (message: string): Failure => ({
    status: 431,
    code: "PLONK_HEADERS_TOO_LARGE",
    message,
  }),
};

/** Callers that are not known, or may not do what they ask for. */
const callers = {
  /** @param challenge - which the answer must carry (RFC 9110 §15.5.2) */
  unauthorized: (challenge: string): Failure => ({
    status: 401,
    code: "PLONK_UNAUTHORIZED",
    message: "invalid credentials",
    challenge,
  }),
  /** @param right - e.g. `read namespace n` */
  forbidden: (right: string): Failure => ({
    status: 403,
    code: "PLONK_FORBIDDEN",
    message: `Forbidden: you need the right to ${right}.`,
  }),
  /** @param action - e.g. `change anything here` */
  crossSite: (action: string): Failure => ({
    status: 403,
    code: "PLONK_CROSS_SITE",
    message: `A page of another site may not ${action}.`,
  }),
  tooManyFailedLogins: (seconds: number): Failure => ({
    status: 429,
    code: "PLONK_TOO_MANY_FAILED_LOGINS",
    message: `Too many failed logins: try again in ${seconds} s.`,
    retryAfterSeconds: seconds,
  }),
  checkFailed: (): Failure => ({
    status: 500,
    code: "PLONK_CHECK_FAILED",
    message: "The caller could not be checked.",
  }),
  issuerUnavailable: (): Failure => ({
    status: 503,
    code: "PLONK_ISSUER_UNAVAILABLE",
    message: "The issuer of tokens is not reachable: try again in a moment.",
    retryAfterSeconds: 5,
  }),
  loginBusy: (): Failure => ({
    status: 503,
    code: "PLONK_LOGIN_BUSY",
    message: "Too many passwords are being checked: try again in a moment.",
    retryAfterSeconds: 1,
  }),
  noAuthentication: (): Failure => ({
    status: 503,
    code: "PLONK_NO_AUTHENTICATION",
    message: "The function is private, and the gateway has neither users nor an issuer of tokens.",
  }),
  originNotAllowed: (functionName: string): Failure => ({
    status: 403,
    code: "PLONK_ORIGIN_NOT_ALLOWED",
    message: `${ANNOTATION.asyncOrigins}: expected the page's origin among those of ${functionName}`,
  }),
  noQueueKey: (): Failure => ({
    status: 503,
    code: "PLONK_NO_QUEUE_KEY",
    message: "Calls of private functions are queued only by a gateway that has a key for them.",
  }),
  notAdmitted: (): Failure => ({
    status: 403,
    code: "PLONK_NOT_ADMITTED",
    message: "body: expected that of the call that was accepted, got another",
  }),
  unknownKey: (): Failure => ({
    status: 503,
    code: "PLONK_UNKNOWN_KEY",
    message: "The call was accepted under a key that this gateway does not have.",
    retryAfterSeconds: 5,
  }),
};

/** Calls that cannot be made, or have failed on their way. */
const calls = {
  internal: (): Failure => ({
    status: 500,
    code: "PLONK_INTERNAL",
    message: "The gateway failed by a fault of its own, which is in its log.",
  }),
  /** The words are those of OpenFaaS' limiter, which clients know. */
  tooManyCalls: (limit: number): Failure => ({
    status: 429,
    code: "PLONK_TOO_MANY_CALLS",
    message: `Concurrent request limit exceeded. Max concurrent requests: ${limit}`,
    retryAfterSeconds: 1,
  }),
  scalingFailed: (functionName: string, reason: string): Failure => ({
    status: 500,
    code: "PLONK_SCALING_FAILED",
    message: `Can't scale ${functionName}: ${reason}`,
  }),
  /** @param message - what went wrong between gateway and function */
  upstreamFailed: (message: string): Failure => ({
    status: 502,
    code: "PLONK_UPSTREAM_FAILED",
    message,
  }),
  noEndpoints: (functionName: string): Failure => ({
    status: 503,
    code: "PLONK_NO_ENDPOINTS",
    message: `No endpoints available for: ${functionName}.`,
    retryAfterSeconds: 2,
  }),
  /** @param functionName - the one that has its share. @default all functions together */
  overloaded: (functionName?: string): Failure => ({
    status: 503,
    code: "PLONK_OVERLOADED",
    message:
      functionName === undefined
        ? "The gateway has too many calls in flight."
        : `${functionName} has too many calls in flight: the rest is kept free for others.`,
    retryAfterSeconds: 1,
  }),
  /**
   * @param functionName - the one that has enough of them. @default all functions together
   * @param isShare - whether that is its share of what there is, and no limit of its own
   */
  queueFull: (functionName?: string, isShare = false): Failure => ({
    status: 503,
    code: "PLONK_QUEUE_FULL",
    message: `Too many calls wait for ${functionName ?? "functions"} to start${
      isShare ? ": the rest is kept free for others." : "."
    }`,
    retryAfterSeconds: 2,
  }),
  queueUnavailable: (): Failure => ({
    status: 503,
    code: "PLONK_QUEUE_UNAVAILABLE",
    message: "queue: not reachable",
    retryAfterSeconds: 2,
  }),
  queueStoreFull: (): Failure => ({
    status: 503,
    code: "PLONK_QUEUE_STORE_FULL",
    message: "queue: there is no room for one more call",
    retryAfterSeconds: 30,
  }),
  starting: (): Failure => ({
    status: 503,
    code: "PLONK_STARTING",
    message: "The gateway does not know its functions yet.",
    retryAfterSeconds: 1,
  }),
  upstreamTimeout: (functionName: string): Failure => ({
    status: 504,
    code: "PLONK_UPSTREAM_TIMEOUT",
    message: `${functionName} did not answer in time.`,
  }),
};

/** What there is and what there is not, of functions and all that goes with them. */
const resources = {
  functionNotFound: (functionName: string): Failure => ({
    status: 404,
    code: "PLONK_FUNCTION_NOT_FOUND",
    message: `error finding function ${functionName}`,
  }),
  namespaceNotFound: (name: string): Failure => ({
    status: 404,
    code: "PLONK_NAMESPACE_NOT_FOUND",
    message: `error finding namespace ${name}`,
  }),
  secretNotFound: (name: string): Failure => ({
    status: 404,
    code: "PLONK_SECRET_NOT_FOUND",
    message: `error finding secret ${name}`,
  }),
  callNotFound: (): Failure => ({
    status: 404,
    code: "PLONK_CALL_NOT_FOUND",
    message: "id: expected that of a call in the queue, or of one that was over lately",
  }),
  resultNotFound: (): Failure => ({
    status: 404,
    code: "PLONK_RESULT_NOT_FOUND",
    message: "result: expected that of a call with X-Keep-Result-Seconds",
  }),
  /** @param reason - why there is none any more */
  resultGone: (reason: string): Failure => ({
    status: 410,
    code: "PLONK_RESULT_GONE",
    message: `result: ${reason}`,
  }),
  deadLetterNotFound: (): Failure => ({
    status: 404,
    code: "PLONK_DEAD_LETTER_NOT_FOUND",
    message: "sequence: expected the number of a dead letter",
  }),
  noQueue: (): Failure => ({
    status: 404,
    code: "PLONK_NO_QUEUE",
    message: "queue: this gateway has none",
  }),
  conflict: (message: string): Failure => ({
    status: 409,
    code: "PLONK_CONFLICT",
    message,
  }),
  /** The API server's own answer. */
  kubernetes: (status: number, message: string): Failure => ({
    status,
    code: "PLONK_KUBERNETES",
    message,
  }),
  notImplemented: (message: string): Failure => ({
    status: 501,
    code: "PLONK_NOT_IMPLEMENTED",
    message,
  }),
  assetsMissing: (folder: string): Failure => ({
    status: 503,
    code: "PLONK_ASSETS_MISSING",
    message: `assets_directory: expected the files of the page, got no index.html in ${folder}`,
  }),
  noStore: (): Failure => ({
    status: 404,
    code: "PLONK_NO_STORE",
    message: "store: this gateway has none",
  }),
  /** @param got - what its source gave, without its address */
  storeFailed: (got: string): Failure => ({
    status: 502,
    code: "PLONK_STORE_FAILED",
    message: `store: expected a store document from its source, got ${got}`,
    retryAfterSeconds: 30,
  }),
  storeUnavailable: (): Failure => ({
    status: 503,
    code: "PLONK_STORE_UNAVAILABLE",
    message: "store: its source does not answer",
    retryAfterSeconds: 30,
  }),
  logsUnavailable: (): Failure => ({
    status: 503,
    code: "PLONK_LOGS_UNAVAILABLE",
    message: "log request failed: the pods are not known now",
  }),
};

/** Every failure that has a code of the gateway's own. */
export const failures = { ...requests, ...callers, ...calls, ...resources };
